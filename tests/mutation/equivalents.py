"""Mutants that change nothing that anybody could see, each with the reason why."""

EQUIVALENTS: dict[str, str] = {
    "dusk/changelog/fold.py::_verified_signers::operand of and left out: claim not in verified": (
        "it only saves the time of verifying again what was verified beforehand"
    ),
    "dusk/changelog/voiding.py::said_by::operand of and left out: value is not None": (
        "a void's own record has a value, or it is refused; it stands for the type checker"
    ),
    "dusk/changelog/witness.py::::one more: word=codec.blob_to(limits.CERTIFICATE_BYTES_MAX)": (
        "no head, and no certificate, has as many bytes"
    ),
    "dusk/changelog/undoing.py::_is_let_in::operand of and left out: value is not None": (
        "what asks to be let in says so with a value, or is refused; it stands for the type checker"
    ),
    "dusk/changelog/undoing.py::_scan::limit moved: entry.time_s > times[-1][1]": (
        "the first of several entries of one time is found first"
    ),
    "dusk/changelog/undoing.py::_Reading._counts::"
    "no guard: if not self._differs and (not any((signer in stolen for signer in signers)))": (
        "it only saves the time of judging again, in the same state, what was in order"
    ),
    "dusk/changelog/undoing.py::_Reading.result::operand of or left out: self._without is None": (
        "the position was found by a scan of the same entries, so it was read; it stands for the type checker"
    ),
    "dusk/changelog/secrecy.py::check_secrecy::no guard: if not is_sealed and (not further)": (
        "it only saves the time of reading settings that no rule is about"
    ),
    "dusk/keys/secret.py::open_value::one more: codec.text(item, SECRET_BYTES_MAX, 'secret')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/keys/secret.py::open_value::one more: codec.text(value, SECRET_BYTES_MAX, 'secret')": "as above",
    "dusk/keys/secret.py::check_sealed_value::one more: codec.blob(sealed, SECRET_BYTES_MAX, 'secret')": (
        "the next larger size that a sealed value can have is a step above"
    ),
    "dusk/keys/secret.py::unwrap::no guard: if len(box) < WRAP_OVERHEAD_BYTES": (
        "the library of today refuses it in the same way, and that of tomorrow might in another"
    ),
    "dusk/keys/secret.py::unwrap::limit moved: len(box) < WRAP_OVERHEAD_BYTES": "as above",
    "dusk/keys/secret.py::unwrap::not raised: raise UntrustedInput('wrapped key: too short')": "as above",
    "dusk/keys/signing.py::x25519_public::operand of and left out: _MISSES_TORSION": (
        "it only saves the time of multiplying where libsodium has refused such keys already"
    ),
    "dusk/keys/sealed.py::_parse::one more: "
    "codec.blob(outer[0], SEALED_KEY_BYTES_MAX, 'sealed key: content')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/codec.py::unproven::operand of and left out: len(data) > _BYTES_ALWAYS_FEW": (
        "it only saves the time of counting: so few bytes always claim little"
    ),
    "dusk/codec.py::unproven::limit moved: len(data) > _BYTES_ALWAYS_FEW": "as above",
    "dusk/codec.py::unproven::operand of and left out: not _claims_little(data)": (
        "it only saves the time of the scan, which refuses nothing that is not refused after it"
    ),
    "dusk/changelog/compaction.py::_Making._add::"
    "operand of and left out: change.body.author in self.log.state.owners()": (
        "an attestation by who was no owner at the checkpoint is refused before it is written"
    ),
    "dusk/changelog/milestones.py::Milestones.add::limit moved: seq > self.in_force(entry.seq).seq": (
        "a checkpoint that is noted once more is at the same position"
    ),
    "dusk/changelog/milestones.py::used_hash::operand of and left out: change is not None": (
        "no change is none without effect; the type checker asks for it"
    ),
    "dusk/changelog/newer.py::_covers::operand of or left out: leader is None": (
        "nobody has no key; the type checker asks for it"
    ),
    "dusk/changelog/newer.py::_is_later_change::"
    "one more: codec.blob(row[0] if row else None, limits.CHANGE_BYTES_MAX, 'body')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/governable.py::check_governable::no guard: if kinds <= _FREE": (
        "it only saves the time of rules that have nothing to say about these sections"
    ),
    "dusk/changelog/governable.py::check_governable::limit moved: kinds <= _FREE": (
        "as above: without the saving the same comes out"
    ),
    "dusk/changelog/judging.py::Judging.may_lead::"
    "operand of and left out: self.device_key(device) is not None": (
        "no change leaves a device in the succession that is no active member; who reads this sees it at once"
    ),
    "dusk/changelog/freezing.py::check_freeze::operand of or left out: value is None": (
        "only what sets the mark is a freeze, and a signed hash has its value; the type checker asks for it"
    ),
    "dusk/changelog/items.py::::one more: entry=codec.blob_to(limits.ENTRY_BYTES_MAX)": (
        "the entry is bounded by the same number when it is decoded"
    ),
    "dusk/changelog/items.py::::one more: change=codec.blob_to(limits.CHANGE_BYTES_MAX, or_nil=True)": (
        "the change is bounded by the same number when it is decoded"
    ),
    "dusk/changelog/state.py::State._reindex::no condition: r[0] == section": (
        "it only saves the time of looking at keys that the section does not have"
    ),
    "dusk/changelog/body.py::::one more: body=codec.blob_to(limits.CHANGE_BYTES_MAX)": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/body.py::::one more: values=codec.rows_to(limits.OPERATIONS_MAX, _VALUE, or_nil=True)": (
        "there is one for each operation, and these are bounded"
    ),
    "dusk/changelog/body.py::decode_body::operand of and left out: len(decoded) > 1": (
        "it only saves the time of comparing one operation with itself"
    ),
    "dusk/changelog/body.py::decode_body::limit moved: len(decoded) > 1": "as above",
    "dusk/changelog/foundation.py::_record::operand of or left out: salt is None": (
        "both are there or neither, as was checked; the type checker asks for it"
    ),
    "dusk/changelog/foundation.py::_record::operand of or left out: data is None": "as above",
    "dusk/changelog/adopting.py::_check_may_leave::limit moved: other.log.settled > fork": (
        "a checkpoint in force is final there, and stands behind the fork"
    ),
    "dusk/changelog/adopting.py::_judged::operand of or left out: raising is None": (
        "what is not there has no position either, which the other operand refuses"
    ),
    "dusk/changelog/adopting.py::_judged::operand of or left out: at is None": (
        "each change of a log has its position there; the type checker asks for it"
    ),
    "dusk/changelog/authority.py::_own_record::operand of and left out: path.kind is SectionKind.USER": (
        "but for facts, of which was told before, no other section has a record of that name"
    ),
    "dusk/changelog/body.py::decode_change::operand of and left out: len(signatures) > 1": (
        "it only saves the time of comparing one signature with none"
    ),
    "dusk/changelog/body.py::decode_change::limit moved: len(signatures) > 1": "as above",
    "dusk/changelog/branches.py::_try_behind::operand of and left out: is_recovery(raising)": (
        "of a branch with a RECOVER and one with none, the generation decides before the ids"
    ),
    "dusk/changelog/branches.py::proven::operand of and left out: writer is not None": (
        "nobody has no key; the type checker asks for it"
    ),
    "dusk/changelog/branches.py::proven::operand of and left out: holder": (
        "who held the succession is known for good; the type checker asks for it"
    ),
    "dusk/changelog/compaction.py::_Making._add::"
    "operand of and left out: change.body.author not in authors": (
        "an owner attests a position once: the second time is refused before it is written"
    ),
    "dusk/changelog/compaction.py::_Making._add::operand of and left out: is_owner": (
        "both that it says is checked before an attestation is written"
    ),
    "dusk/changelog/compaction.py::_Making._add::operand of and left out: said is not None": (
        "what is no attestation is refused before it is written; the type checker asks for it"
    ),
    "dusk/changelog/fold.py::_judged::operand of and left out: joint #2": (
        "it only saves the time of looking for a proposal: only joint changes are proposed"
    ),
    "dusk/changelog/forkchoice.py::choose::limit moved: its > mine": "they are not equal",
    "dusk/changelog/forkchoice.py::choose::limit moved: theirs.recovery < ours.recovery": "as above",
    "dusk/changelog/forkchoice.py::choose::operand of and left out: theirs.recovery": (
        "who has none is of a lower generation than who has, which decided before"
    ),
    "dusk/changelog/forkchoice.py::choose::operand of or left out: ours.first is None": (
        "both are there or neither; the type checker asks for it"
    ),
    "dusk/changelog/forkchoice.py::choose::operand of or left out: theirs.first is None": "as above",
    "dusk/changelog/foundation.py::_check_roles::operand of or left out: change is None": (
        "what raises has a change; the type checker asks for it"
    ),
    "dusk/changelog/foundation.py::_check_roles::limit moved: made.mandate.seq < entry.seq": (
        "no change can name the hash of the entry that carries it"
    ),
    "dusk/changelog/log.py::Log._take_item::operand of or left out: self._take_expected(glanced, verified)": (
        "it only saves the time of reading and judging each part"
    ),
    "dusk/changelog/log.py::Log._take_expected::operand of or left out: self.leader is None": (
        "before the first entry no key is known, so that nothing is expected; the type checker asks for it"
    ),
    "dusk/changelog/log.py::Log._take_expected::"
    "operand of or left out: glanced.own.seq != self.head.seq + 1": (
        "it only saves the time of making an entry that has other bytes, for it says where it stands"
    ),
    "dusk/changelog/proposals.py::is_person::operand of and left out: holder is not None": (
        "who signs was verified to be known; the type checker asks for it"
    ),
    "dusk/changelog/proposals.py::_check_signature::operand of or left out: holder is None": "as above",
    "dusk/changelog/proposals.py::collected::no condition: record.data is not None": (
        "no signature is taken back alone; the type checker asks for it"
    ),
    "dusk/changelog/proposals.py::check_proposal::"
    "operand of or left out: parse_path(next(iter(sections))).kind is not SectionKind.PROPOSAL": (
        "one of the sections is a proposal, as was seen before"
    ),
    "dusk/changelog/proposals.py::follows::no condition: w.key != CHANGE": (
        "the change that takes a proposal back has written the same there"
    ),
    "dusk/changelog/putting_back.py::_one::operand of and left out: place.section == 'cluster'": (
        "no other section has records of these names"
    ),
    "dusk/changelog/putting_back.py::_wrapped::no condition: row is not None": (
        "records that are listed have values; the type checker asks for it"
    ),
    "dusk/changelog/readers.py::people_of::no condition: row is not None": "as above",
    "dusk/changelog/sealed.py::sealed_in::operand of and left out: record.startswith(SETTING)": (
        "no other value begins so"
    ),
    "dusk/changelog/sealed.py::sealed_in::operand of and left out: data.startswith(SEALED_SETTING)": (
        "it only saves the time of reading a setting that is not sealed"
    ),
    "dusk/changelog/sections.py::_passed::one more: codec.text(above, 191, 'passed under')": (
        "what begins a longer prefix is shorter"
    ),
    "dusk/changelog/sections.py::_frozen::"
    "one more: codec.blob(head, limits.SIGNED_HEAD_BYTES_MAX, 'frozen')": (
        "the head is bounded by the same number when it is decoded"
    ),
    "dusk/changelog/sections.py::_sealed::"
    "one more: codec.blob(codec.fields(row, 1, 'sealed key')[0], "
    "limits.SEALED_KEY_BYTES_MAX, 'sealed key')": (
        "the sealed key is bounded by the same number when it is read"
    ),
    "dusk/changelog/sections.py::_expected::one more: codec.text(named, 63, 'expected variable')": (
        "no longer text is a component"
    ),
    "dusk/changelog/sections.py::_expected::one more: codec.text(name, 63, 'expected name')": (
        "no longer text is a device's name"
    ),
    "dusk/changelog/raises.py::rights_at::no condition: holder is not None": (
        "who is an owner holds a key; the type checker asks for it"
    ),
    "dusk/changelog/attesting.py::check_attestation::operand of and left out: former.data is not None": (
        "no owner's word is deleted: that is refused as no attestation; the type checker asks for it"
    ),
    "dusk/changelog/attesting.py::completed::operand of and left out: record.data is not None": "as above",
    "dusk/changelog/attesting.py::due::operand of or left out: former.data is None": "as above",
    "dusk/node/branching.py::Branching._judged::operand of and left out: part(items) is not None": (
        "it only saves the time of looking for a later version where there is none: then nothing is told"
    ),
    "dusk/node/branching.py::Branching._judged::operand of and left out: first is not None": (
        "what is of a later version is an entry; the type checker asks for it"
    ),
    "dusk/cycle/elsewhere.py::Elsewhere._groups::operand of and left out: peer is not None": (
        "who is no member any more is forgotten before; the type checker asks for it"
    ),
    "dusk/cycle/elsewhere.py::Elsewhere._behind::operand of and left out: peer is not None": "as above",
    "dusk/cycle/elsewhere.py::Elsewhere.give::no guard: if address is None": (
        "the path of who has none lets nothing go; the type checker asks for it"
    ),
    "dusk/cycle/whereabouts.py::Whereabouts.leads_elsewhere::"
    "operand of and left out: self._table.get(device) != address": (
        "it only saves the time of putting the same row in its place, and of forgetting who is no member"
    ),
    "dusk/cycle/whereabouts.py::Whereabouts._is_silent::operand of and left out: peer is not None": (
        "the table that is asked for names members alone; the type checker asks for it"
    ),
    "dusk/cycle/elsewhere.py::Elsewhere.plan::limit moved: len(others) > COPIES_MAX": (
        "of exactly so many the turn is the first one each time"
    ),
    "dusk/catchup/telling.py::Telling._reply::operand of and left out: self.stage is Stage.TELLING": (
        "it reads no reply in another stage: it tells at once, and nothing is read behind the end"
    ),
    "dusk/changelog/foundation.py::_take_milestones::operand of or left out: chain is None": (
        "what has no chain hash is beyond the end, which the other operand refuses"
    ),
    "dusk/changelog/act_records.py::check_progress::one more: codec.text(stopped_by, 32, 'progress')": (
        "a longer text is no id of a device, and refused as none"
    ),
    "dusk/changelog/act_records.py::check_was::"
    "one more: codec.blob(value, limits.VALUE_BYTES_MAX, 'former value')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/authority.py::_own_record::operand of and left out: path.kind is SectionKind.DEVICE": (
        "no section but a device's has such a record, and that of its facts is its own anyway"
    ),
    "dusk/changelog/former.py::Keeping._take_over::operand of and left out: kept.data is not None": (
        "what is kept has a value until it goes without a trace; it stands for the type checker"
    ),
    "dusk/changelog/former.py::_beside::operand of or left out: data is None": (
        "an assignment that is not there names nobody; it stands for the type checker"
    ),
    "dusk/changelog/released.py::Waits._whom_of::no condition: says_whom(*one[:2])": (
        "what else a rollout wrote gives nothing to anybody where it is taken away, and who had it before is"
        " asked for, too"
    ),
    "dusk/changelog/released.py::Waits._waiting::operand of or left out: not self.rollouts": (
        "it only saves the time of reading whether a device was removed: nobody waits for nothing"
    ),
    "dusk/changelog/released.py::_Whom.has::operand of and left out: bool(self.groups)": (
        "it only saves the time of reading a device's groups, of which no group at all has none"
    ),
    "dusk/changelog/released.py::released::operand of or left out: waits": (
        "it only saves the time of reading anew who waits for what"
    ),
    "dusk/changelog/removal.py::::one more: entry=codec.blob_to(limits.REMOVAL_BYTES_MAX)": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/removal.py::::one more: body=codec.blob_to(limits.REMOVAL_BYTES_MAX)": "as above",
    "dusk/changelog/removal.py::::one more: digests=codec.blob_to(32 * DIGESTS_MAX)": (
        "with one byte more they are not of 32 bytes each"
    ),
    "dusk/changelog/removal.py::::one more: head=codec.blob_to(limits.SIGNED_HEAD_BYTES_MAX)": (
        "what is read from it is bounded by the same number"
    ),
    "dusk/changelog/rollouts.py::waves_of::no condition: data is not None": (
        "records that are listed have values; it stands for the type checker"
    ),
    "dusk/changelog/rollouts.py::_check_put_back::operand of and left out: record is not None": (
        "what a rollout wrote leaves a record, deleted or not; it stands for the type checker"
    ),
    "dusk/cycle/questions.py::_padded::limit moved: size - bare > 255": (
        "the padding of each question is far from that size"
    ),
    "dusk/cycle/repeater.py::Repeater.heard::limit moved: repeat.sender > self._station.peers.own_id": (
        "who sends it is another member"
    ),
    "dusk/cycle/repeater.py::Repeater._flush::operand of or left out: known is None": (
        "nothing is collected before something is repeated; the type checker asks for it"
    ),
    "dusk/cycle/far_messages.py::decode_repeat::"
    "one more: codec.blob(row[1], limits.DATAGRAM_BYTES_MAX, 'REPEAT start')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/cycle/far_messages.py::decode_bundle::"
    "one more: codec.blob(row, limits.DATAGRAM_BYTES_MAX, 'BUNDLE answer')": "as above",
    "dusk/changelog/orders.py::decode_order::one more: codec.blob(body, QUESTION_BYTES_MAX, 'order')": (
        "it stands inside bytes that were bounded by the same number"
    ),
    "dusk/changelog/creation.py::_place_taken::operand of or left out: former is None": (
        "no writer says of nobody that it was not heard; it stands for the type checker"
    ),
    "dusk/changelog/putting_back.py::_one::operand of and left out: path.kind is SectionKind.ROLLOUT": (
        "no other section has a record of that name, but for facts, of which nothing is put back anyway"
    ),
    "dusk/changelog/state.py::State.writes_of::operand of or left out: NO_TRACE": (
        "what is not there is put back as if it had never been by either; it stands for the type checker"
    ),
    "dusk/changelog/views.py::_with_selecting::no guard: if not selectors": (
        "it only saves the time of sorting names that are sorted, and of choosing by nothing"
    ),
    "dusk/changelog/history.py::History.pop::operand of and left out: self.trusted": (
        "the first entry wrote section `trust`, so there is one as long as there is an entry"
    ),
}
"""Id of the mutant → why no test can notice it."""
