"""The table of methods: what each takes, what it needs, and what does it.

`specs/control-api.md` describes every one; a test holds the two together.
"""

from collections.abc import Callable, Mapping

from dusk import limits
from dusk.control import (
    adopting,
    asking,
    by_hand,
    cluster,
    concerning,
    conflicts,
    copying,
    direct,
    drift,
    editing,
    expecting,
    files,
    forced,
    founding,
    history,
    leaving,
    membership,
    ordering,
    people,
    proposing,
    reading,
    recovering,
    reverting,
    rights,
    roles,
    rollouts,
    schema,
    views,
    voiding,
    withdrawing,
)
from dusk.control.desk import Desk, Json
from dusk.control.outside import CHALLENGE_BYTES, LINE_CHARACTERS_MAX
from dusk.control.schema import Parameter
from dusk.control.steps import Steps
from dusk.keys.signing import SIGNATURE_BYTES
from dusk.lazy import dataclass

TIMEOUT_S_MAX = 3600.0
LOG_PAGE_MAX = 200
EXPIRES_S_MAX = 10 * 366 * 86400


@dataclass(frozen=True, slots=True)
class Method:
    """One method; with ``is_signing`` it takes a session's token, and with ``is_use`` counts as its use."""

    run: Callable[[Desk, Json], Json | Steps[Json]]
    parameters: Mapping[str, Parameter]
    is_signing: bool = False
    is_use: bool = True


_TEXT = Parameter(schema.text())
_TIMEOUT = Parameter(schema.seconds(TIMEOUT_S_MAX), 60.0)
_SIGNED = Parameter(schema.texts(LINE_CHARACTERS_MAX), ())
_TOKEN = {"token": Parameter(schema.text()), "signed": _SIGNED}
"""What each method of a session takes; ``signed`` is for keys that sign elsewhere."""


def _query(run: Callable[[Desk, Json], Json | Steps[Json]], **parameters: Parameter) -> Method:
    return Method(run, parameters)


def _signing(run: Callable[[Desk, Json], Json | Steps[Json]], **parameters: Parameter) -> Method:
    return Method(run, {**_TOKEN, **parameters}, is_signing=True)


_ASKER = Parameter(schema.text(), "")
"""The token of who asks another device something, if there is one: whose share it counts in."""
_NAMES = Parameter(schema.texts())
_AFTER = Parameter(schema.text(), "")
_PASSWORD = Parameter(schema.text(1024), None)
_PUBLIC_LINE = Parameter(schema.text(255), None)
_LINE = Parameter(schema.text(limits.ROLE_LINE_CHARACTERS_MAX))
_SKIP = Parameter(schema.integer(0, limits.NUMBER_MAX), 0)
_SEEN = Parameter(schema.text(limits.CHANGE_BYTES_MAX), None)
"""What somebody saw of what he edits."""
_ORDERED = {
    "name": _TEXT,
    "order": Parameter(schema.choice(*ordering.ORDERS)),
    "for_s": Parameter(schema.integer(0, limits.HOLD_S_MAX), 0),
}
_ORDER_LINE = Parameter(schema.text(ordering.LINE_CHARACTERS_MAX))
_ROWS = {"edits": Parameter(schema.rows("key"))}
_COUNT = Parameter(schema.integer(1, LOG_PAGE_MAX), 20)
_SEQ = schema.integer(1, limits.NUMBER_MAX)
_VERB = Parameter(
    schema.choice("set", "delete", "unset", "restore-local", "add-list", "del-list", "exclusive")
)

METHODS: Mapping[str, Method] = {
    "status": _query(direct.status),
    "join": _query(direct.join, line=Parameter(schema.text(4096))),
    "join.cancel": _query(direct.cancel_join),
    "join.contact": _query(by_hand.join_contact),
    "join.request": _query(by_hand.join_request, line=Parameter(schema.text(4096))),
    "session.login": _query(direct.login, user=_TEXT, password=Parameter(schema.text(1024))),
    "session.challenge": _query(direct.challenge, user=_TEXT),
    "session.open": _query(
        direct.open_session,
        user=_TEXT,
        challenge=Parameter(schema.hexadecimal(CHALLENGE_BYTES)),
        signature=Parameter(schema.hexadecimal(SIGNATURE_BYTES)),
    ),
    "session.logout": _query(direct.logout, token=_TEXT),
    "session.whoami": Method(direct.whoami, _TOKEN, is_signing=True, is_use=False),
    "session.list": Method(direct.sessions, _TOKEN, is_signing=True, is_use=False),
    "session.end": _signing(direct.end_sessions, user=_TEXT),
    "ticket.poll": _query(direct.poll, ticket=_TEXT),
    "device.refresh": _query(direct.refresh),
    "device.list": _query(views.device_list, after=_AFTER),
    "device.pending": _query(views.device_pending, after=_AFTER),
    "device.expected": _query(views.device_expected, after=_AFTER),
    "device.show": _query(views.device_show, name=_TEXT),
    "device.history": _query(
        concerning.device_history,
        name=_TEXT,
        count=_COUNT,
        before=Parameter(schema.integer(0, limits.NUMBER_MAX), 0),
    ),
    "device.health": _query(asking.device_health, name=_TEXT, token=_ASKER),
    "device.packages": _query(asking.device_packages, name=_TEXT, token=_ASKER),
    "device.order": _signing(ordering.device_order, **_ORDERED),
    "order.prepare": _signing(ordering.order_prepare, **_ORDERED),
    "order.read": _query(ordering.order_read, line=_ORDER_LINE),
    "order.sign": _signing(ordering.order_sign, line=_ORDER_LINE),
    "order.submit": _signing(ordering.order_submit, line=_ORDER_LINE),
    "device.approve": _signing(
        membership.device_approve,
        names=Parameter(schema.texts(), ()),
        all=Parameter(schema.flag, default=False),
        with_rebinds=Parameter(schema.flag, default=False),
        name=Parameter(schema.text(63), ""),
        groups=Parameter(schema.texts(), ()),
        timeout_s=_TIMEOUT,
    ),
    "device.admit": _signing(
        by_hand.device_admit,
        request=Parameter(schema.text(limits.JOIN_BYTES_MAX * 2)),
        name=Parameter(schema.text(63), ""),
        groups=Parameter(schema.texts(), ()),
        timeout_s=_TIMEOUT,
    ),
    "device.reject": _signing(membership.device_reject, names=_NAMES, timeout_s=_TIMEOUT),
    "device.expect": _signing(
        expecting.device_expect,
        devices=Parameter(schema.expected()),
        forget=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "device.rename": _signing(membership.device_rename, name=_TEXT, new_name=_TEXT, timeout_s=_TIMEOUT),
    "device.replace": _signing(membership.device_replace, old=_TEXT, new=_TEXT, timeout_s=_TIMEOUT),
    "device.remove": _signing(
        membership.device_remove,
        names=_NAMES,
        wipe_managed=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "device.leave": _query(
        leaving.device_leave, timeout_s=_TIMEOUT, restore_local=Parameter(schema.flag, default=False)
    ),
    "joinkey.list": _query(views.joinkey_list),
    "joinkey.revoke": _signing(
        membership.joinkey_revoke,
        id=_TEXT,
        with_devices=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "joinkey.create": _signing(
        editing.joinkey_create,
        uses=Parameter(schema.integer(1, limits.MEMBERS_MAX), 1),
        expires_s=Parameter(schema.integer(0, EXPIRES_S_MAX), 0),
        groups=Parameter(schema.texts(), ()),
        auto=Parameter(schema.flag, default=False),
        labels=Parameter(schema.texts(), ()),
        rebind=Parameter(schema.choice("ask", "auto", "never"), "ask"),
        name=Parameter(schema.text(63), ""),
        timeout_s=_TIMEOUT,
    ),
    "draft.edit": _signing(
        editing.draft_edit,
        target=_TEXT,
        verb=_VERB,
        typed=Parameter(schema.texts(), ()),
        before=Parameter(schema.text(), ""),
        mode=Parameter(schema.text(4), ""),
        former=_SEEN,
        **_ROWS,
    ),
    "draft.import": _signing(
        editing.draft_import,
        target=_TEXT,
        text=Parameter(schema.text(limits.CHANGE_BYTES_MAX)),
        name=Parameter(schema.text(), "import"),
        replace=Parameter(schema.flag, default=False),
        former=_SEEN,
        later=_SEEN,
    ),
    "draft.load": _signing(editing.draft_load),
    "draft.store": _signing(
        editing.draft_store,
        draft=Parameter(schema.text(limits.CONTROL_LINE_BYTES_MAX)),
        mark=Parameter(schema.hexadecimal(32)),
    ),
    "draft.text": _signing(editing.draft_text, target=_TEXT),
    "draft.settings": _signing(editing.draft_settings, target=_TEXT, skip=_SKIP),
    "draft.show": _signing(editing.draft_show),
    "draft.discard": _signing(
        editing.draft_discard,
        target=Parameter(schema.text(), ""),
        key=Parameter(schema.text(limits.RECORD_KEY_BYTES_MAX), ""),
    ),
    "draft.commit": _signing(
        editing.draft_commit,
        message=Parameter(schema.text(limits.MESSAGE_BYTES_MAX)),
        mark=Parameter(schema.hexadecimal(32), None),
        yes=Parameter(schema.flag, default=False),
        rollout=Parameter(schema.choice(*rollouts.HOW), rollouts.ALL),
        waves=Parameter(schema.texts(), ()),
        failures=Parameter(schema.integer(0, limits.MEMBERS_MAX), 0),
        hold=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "rollout.list": _query(rollouts.rollout_list, after=_AFTER),
    "rollout.show": _query(rollouts.rollout_show, id=_TEXT, after=_AFTER),
    "rollout.order": _signing(
        rollouts.rollout_order,
        id=_TEXT,
        what=Parameter(schema.choice("start", "pause", "resume", "abort", "force")),
        at_s=Parameter(schema.integer(0, limits.NUMBER_MAX), 0),
        failures=Parameter(schema.integer(0, limits.MEMBERS_MAX), None),
        yes=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "policy.list": _query(views.policy_list, after=_AFTER),
    "policy.show": _query(views.policy_show, name=_TEXT),
    "policy.delete": _signing(editing.policy_delete, name=_TEXT),
    "policy.rename": _signing(editing.policy_rename, name=_TEXT, new_name=_TEXT),
    "policy.assign": _signing(
        editing.policy_assign,
        name=_TEXT,
        to=Parameter(schema.choice("all", "groups", "devices")),
        names=Parameter(schema.texts(), ()),
        priority=Parameter(schema.integer(0, 999), None),
    ),
    "policy.unassign": _signing(
        editing.policy_unassign, name=_TEXT, restore_local=Parameter(schema.flag, default=False)
    ),
    "policy.propose": _signing(
        editing.policy_propose,
        name=_TEXT,
        group=Parameter(schema.text(), ""),
        devices=Parameter(schema.texts(), ()),
    ),
    "group.list": _query(views.group_list, after=_AFTER),
    "group.show": _query(views.group_show, name=_TEXT),
    "group.create": _signing(editing.group_create, name=_TEXT),
    "group.delete": _signing(editing.group_delete, name=_TEXT),
    "group.add": _signing(editing.group_add, name=_TEXT, devices=_NAMES),
    "group.select": _signing(editing.group_select, name=_TEXT, facts=Parameter(schema.rows("fact"), ())),
    "group.remove": _signing(editing.group_remove, name=_TEXT, devices=_NAMES),
    "group.readers": _query(reading.group_readers, name=Parameter(schema.text(), "")),
    "group.allow": _signing(editing.group_allow, name=_TEXT, devices=Parameter(schema.texts(), ())),
    "group.deny": _signing(editing.group_deny, name=_TEXT, devices=_NAMES),
    "var.list": _query(views.var_list, scope=Parameter(schema.text(), ""), after=_AFTER),
    "var.set": _signing(
        editing.var_set,
        scope=_TEXT,
        variables=Parameter(schema.rows("name")),
        secret=Parameter(schema.flag, default=False),
    ),
    "var.unset": _signing(editing.var_unset, scope=_TEXT, names=_NAMES),
    "settings.list": _query(views.settings_list, target=_TEXT, skip=_SKIP),
    "settings.export": _query(views.settings_export, target=_TEXT),
    "settings.reread": _query(direct.reread),
    "effective": _query(
        views.effective,
        device=_TEXT,
        key=Parameter(schema.text(limits.RECORD_KEY_BYTES_MAX), ""),
        reveal=Parameter(schema.flag, default=False),
        token=Parameter(schema.text(), ""),
    ),
    "effective.ask": _query(
        files.effective_ask,
        device=_TEXT,
        key=Parameter(schema.text(limits.RECORD_KEY_BYTES_MAX), ""),
        token=_ASKER,
    ),
    "settings.ask": _query(
        files.settings_ask, device=_TEXT, packages=Parameter(schema.texts(), ()), token=_ASKER
    ),
    "drift.show": _query(drift.drift_show, device=Parameter(schema.text(), "")),
    "drift.ask": _query(drift.drift_ask, device=_TEXT, token=_ASKER),
    "drift.revert": _query(drift.drift_revert, device=_TEXT),
    "drift.adopt": _signing(
        adopting.drift_adopt,
        device=_TEXT,
        keys=Parameter(schema.texts(limits.RECORD_KEY_BYTES_MAX), ()),
        to=Parameter(schema.text(), ""),
        yes=Parameter(schema.flag, default=False),
        told=Parameter(schema.text(2 * limits.DRIFT_TOLD_BYTES_MAX), ""),
        timeout_s=_TIMEOUT,
    ),
    "user.list": _query(people.user_list),
    "user.add": _signing(
        people.user_add, name=_TEXT, password=_PASSWORD, public_key=_PUBLIC_LINE, timeout_s=_TIMEOUT
    ),
    "user.passwd": _signing(
        people.user_passwd,
        name=Parameter(schema.text(), ""),
        password=_PASSWORD,
        public_key=_PUBLIC_LINE,
        new_key=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "user.disable": _signing(
        people.user_disable,
        name=_TEXT,
        owner_too=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "owner.add": _signing(people.owner_add, name=_TEXT, timeout_s=_TIMEOUT),
    "owner.remove": _signing(people.owner_remove, name=_TEXT, timeout_s=_TIMEOUT),
    "owner.quorum": _signing(people.owner_quorum, count=Parameter(schema.integer(1, 64)), timeout_s=_TIMEOUT),
    "grant.list": _query(rights.grant_list),
    "grant.set": _signing(
        rights.grant_set,
        prefix=_TEXT,
        users=_NAMES,
        threshold=Parameter(schema.integer(1, 64), 1),
        packages=Parameter(schema.texts(), None),
        groups=Parameter(schema.texts(), None),
        max_priority=Parameter(schema.integer(0, 999), None),
        timeout_s=_TIMEOUT,
    ),
    "grant.remove": _signing(rights.grant_remove, prefix=_TEXT, timeout_s=_TIMEOUT),
    "proposal.list": _query(proposing.proposal_list),
    "proposal.show": _query(proposing.proposal_show, id=_TEXT),
    "proposal.sign": _signing(proposing.proposal_sign, id=_TEXT, timeout_s=_TIMEOUT),
    "proposal.withdraw": _signing(withdrawing.proposal_withdraw, id=_TEXT, timeout_s=_TIMEOUT),
    "section.list": _query(rights.section_list, prefix=Parameter(schema.text(), ""), after=_AFTER),
    "section.show": _query(
        rights.section_show, path=_TEXT, after=Parameter(schema.text(limits.RECORD_KEY_BYTES_MAX), "")
    ),
    "cluster.phrase": _query(founding.cluster_phrase),
    "cluster.found": _query(
        founding.cluster_found,
        cluster=_TEXT,
        user=_TEXT,
        password=Parameter(schema.text(1024)),
        phrase=_TEXT,
        cycle_s=Parameter(schema.seconds(founding.CYCLE_S_MAX), founding.CYCLE_S_DEFAULT),
        auto_backup=Parameter(schema.flag, default=True),
    ),
    "cluster.show": _query(cluster.cluster_show),
    "cluster.set": _signing(cluster.cluster_set, values=Parameter(schema.rows("name")), timeout_s=_TIMEOUT),
    "role.show": _query(roles.role_show),
    "role.master": _signing(roles.role_master, device=_TEXT, timeout_s=_TIMEOUT),
    "role.backups": _signing(roles.role_backups, devices=_NAMES, timeout_s=_TIMEOUT),
    "role.force": _signing(
        forced.role_force,
        backups=Parameter(schema.texts(), None),
        collect=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
    "role.read": _query(forced.role_read, line=_LINE),
    "role.sign": _signing(forced.role_sign, line=_LINE),
    "role.submit": _query(forced.role_submit, line=_LINE, timeout_s=_TIMEOUT),
    "recovery.show": _query(recovering.recovery_show),
    "recovery.prepare": _query(
        recovering.recovery_prepare,
        user=_TEXT,
        public=Parameter(schema.hexadecimal(32)),
        sealed=Parameter(schema.text(limits.SEALED_KEY_BYTES_MAX * 2)),
        following=Parameter(schema.hexadecimal(32)),
        revoke=Parameter(schema.texts(), ()),
        backups=Parameter(schema.texts(), None),
    ),
    "recovery.join": _query(
        recovering.recovery_join,
        head=Parameter(schema.hexadecimal(32)),
        following=Parameter(schema.hexadecimal(32)),
    ),
    "recovery.submit": _query(
        recovering.recovery_submit,
        line=Parameter(schema.text(limits.RECOVERY_LINE_CHARACTERS_MAX)),
        timeout_s=_TIMEOUT,
    ),
    "conflict.list": _query(conflicts.conflict_list),
    "conflict.resolve": _signing(
        conflicts.conflict_resolve,
        id=_TEXT,
        take=Parameter(schema.choice("A", "B")),
        timeout_s=_TIMEOUT,
    ),
    "void.plan": _signing(
        voiding.void_plan,
        user=Parameter(schema.text(63), ""),
        device=Parameter(schema.text(63), ""),
        old_key=Parameter(schema.hexadecimal(16), ""),
        since=Parameter(schema.integer(0, limits.NUMBER_MAX), 0),
        since_time=Parameter(schema.integer(0, limits.NUMBER_MAX), 0),
    ),
    "void.submit": _signing(voiding.void_submit, plan=_TEXT, timeout_s=_TIMEOUT),
    "log.list": _query(
        history.log_list,
        count=_COUNT,
        since=Parameter(schema.integer(0, limits.NUMBER_MAX), 0),
        before=Parameter(schema.integer(0, limits.NUMBER_MAX), 0),
    ),
    "log.copy": _query(
        copying.log_copy,
        first=Parameter(_SEQ),
        skip=_SKIP,
    ),
    "log.foundation": _query(
        copying.log_foundation,
        floor=Parameter(_SEQ),
        piece=Parameter(schema.integer(0, copying.PIECES_MAX)),
    ),
    "log.blame": _query(history.blame, target=_TEXT),
    "log.show": _query(history.log_show, seq=Parameter(_SEQ)),
    "log.revert": _signing(
        reverting.revert,
        seq=Parameter(_SEQ),
        target=Parameter(schema.text(), ""),
        keys=Parameter(schema.texts(limits.RECORD_KEY_BYTES_MAX), ()),
        message=Parameter(schema.text(limits.MESSAGE_BYTES_MAX), ""),
        keep_later=Parameter(schema.flag, default=False),
        yes=Parameter(schema.flag, default=False),
        timeout_s=_TIMEOUT,
    ),
}
