'use strict';
'require baseclass';
'require rpc';
'require dusk.widgets as widgets';

/* What the views ask the daemon. Each method stands here with its parameters, and nowhere else. */

const DENIED = /Access denied|ubus code 6\b/;
const POLL_MS = [ 100, 200, 400, 800 ];
const TICKET_MS_MAX = 120000;

const METHODS = {
	status: [],
	cluster_phrase: [],
	cluster_found: [ 'cluster', 'user', 'password', 'phrase', 'auto_backup' ],
	join: [ 'line' ],
	join_cancel: [],
	role_backups: [ 'token', 'devices' ],
	device_list: [ 'after' ],
	device_pending: [ 'after' ],
	device_expected: [ 'after' ],
	device_show: [ 'name' ],
	device_refresh: [],
	device_history: [ 'name', 'count', 'before' ],
	device_health: [ 'name', 'token' ],
	device_packages: [ 'name', 'token' ],
	device_order: [ 'token', 'name', 'order', 'for_s' ],
	device_rename: [ 'token', 'name', 'new_name' ],
	device_approve: [ 'token', 'names', 'all', 'name', 'groups' ],
	device_reject: [ 'token', 'names' ],
	device_expect: [ 'token', 'devices' ],
	joinkey_list: [],
	joinkey_create: [ 'token', 'uses', 'expires_s', 'groups', 'auto', 'labels', 'rebind', 'name' ],
	joinkey_revoke: [ 'token', 'id', 'with_devices' ],
	device_replace: [ 'token', 'old', 'new' ],
	device_remove: [ 'token', 'names', 'wipe_managed' ],
	effective: [ 'device' ],
	effective_reveal: [ 'token', 'device', 'key', 'reveal' ],
	drift_ask: [ 'device', 'token' ],
	drift_adopt: [ 'token', 'device', 'keys', 'to', 'yes', 'told' ],
	ticket_poll: [ 'ticket' ],
	policy_list: [ 'after' ],
	policy_assign: [ 'token', 'name', 'to', 'names', 'priority' ],
	policy_unassign: [ 'token', 'name' ],
	policy_rename: [ 'token', 'name', 'new_name' ],
	policy_delete: [ 'token', 'name' ],
	group_list: [ 'after' ],
	group_create: [ 'token', 'name' ],
	group_delete: [ 'token', 'name' ],
	group_select: [ 'token', 'name', 'facts' ],
	group_add: [ 'token', 'name', 'devices' ],
	group_remove: [ 'token', 'name', 'devices' ],
	group_readers: [],
	group_allow: [ 'token', 'name', 'devices' ],
	group_deny: [ 'token', 'name', 'devices' ],
	var_list: [ 'after' ],
	var_set: [ 'token', 'scope', 'variables', 'secret' ],
	var_unset: [ 'token', 'scope', 'names' ],
	settings_list: [ 'target', 'skip' ],
	draft_settings: [ 'token', 'target', 'skip' ],
	draft_edit: [ 'token', 'target', 'verb', 'edits', 'before', 'mode', 'former' ],
	draft_text: [ 'token', 'target' ],
	draft_import: [ 'token', 'target', 'text', 'former', 'later' ],
	draft_show: [ 'token' ],
	draft_discard: [ 'token', 'target' ],
	draft_commit: [ 'token', 'message', 'mark', 'yes', 'rollout', 'waves', 'failures', 'hold' ],
	rollout_list: [ 'after' ],
	rollout_show: [ 'id', 'after' ],
	rollout_order: [ 'token', 'id', 'what', 'at_s', 'failures', 'yes' ],
	proposal_list: [],
	proposal_show: [ 'id' ],
	proposal_sign: [ 'token', 'id' ],
	proposal_withdraw: [ 'token', 'id' ],
	conflict_list: [],
	conflict_resolve: [ 'token', 'id', 'take' ],
	log_list: [ 'count', 'before' ],
	log_blame: [ 'target' ],
	log_show: [ 'seq' ],
	log_revert: [ 'token', 'seq', 'target', 'keep_later', 'yes' ],
	recovery_show: [],
	user_list: [],
	user_add: [ 'token', 'name', 'password', 'public_key' ],
	user_passwd: [ 'token', 'name', 'password', 'new_key' ],
	user_disable: [ 'token', 'name', 'owner_too' ],
	owner_add: [ 'token', 'name' ],
	owner_remove: [ 'token', 'name' ],
	owner_quorum: [ 'token', 'count' ],
	grant_list: [],
	grant_set: [ 'token', 'prefix', 'users', 'threshold', 'packages', 'groups', 'max_priority' ],
	grant_remove: [ 'token', 'prefix' ],
	session_list: [ 'token' ],
	session_end: [ 'token', 'user' ],
	session_login: [ 'user', 'password' ],
	session_logout: [ 'token' ],
	session_whoami: [ 'token' ]
};

const SLOW = 'slow';
/* Besides what only looks. A commit signs nothing anew: what it signed is waited for, or stands in the log already. */
const REPEATABLE = [ 'session_whoami', 'draft_show', 'draft_settings', 'draft_text', 'draft_commit' ];
/* Without a token, and not only looking: asked twice they do something twice. */
const ONCE = [ 'session_login', 'cluster_found', 'join', 'join_cancel', 'drift_ask', 'device_health', 'device_packages', 'device_refresh' ];
/* They take a place of whoever is logged in to Dusk in this tab, else of all who only look. */
const ASKING = [ 'device_health', 'device_packages', 'drift_ask' ];
/* uhttpd and `dusk web` take 64 KiB in one request; what other calls of the same moment and the form take is left. */
const BYTES_MAX = 60000;
const EMPTY = 'empty-draft';

const calls = {};

for (const method in METHODS)
	calls[method] = rpc.declare({ object: 'luci.dusk', method: method, params: METHODS[method], reject: true });

function refusal(code, message) {
	const error = new Error(message);
	error.code = code;
	return error;
}

/* What an answer says. LuCI's backend hands on the daemon's own line, as a text. */
function read(answer) {
	let said = answer;
	try {
		said = answer.line === undefined ? answer : JSON.parse(answer.line);
	}
	catch (error) {
		said = null;
	}
	if (said && said.error)
		throw refusal((said.error.data || said.error).code, said.error.message);
	if (!said || said.result === undefined)
		throw refusal('bad-answer', _('The router gave no answer; load the page again.'));
	return said.result;
}

/* What to do about it depends on whether somebody has typed it. */
function tooLarge(method, bytes) {
	if (method === 'drift_adopt')
		return widgets.filled(_('What the router told is %d bytes, and the page hands on %d at once. Nothing was changed. `dusk adopt` on the command line takes all of it.'), bytes, BYTES_MAX);
	return widgets.filled(_('This is %d bytes, and the page sends %d at once; of a text, what it said before goes with it. Nothing was changed. Do it in parts, or on the command line: `dusk import` takes more.'), bytes, BYTES_MAX);
}

function after(ms) {
	return new Promise(resolve => setTimeout(resolve, ms));
}

function isRepeatable(method) {
	return !METHODS[method].includes('token') && !ONCE.includes(method) || REPEATABLE.includes(method);
}

return baseclass.extend({
	/* Calls a method with an object of parameters. An error has the control socket's word as `code`. What a busy
	 * daemon does not answer in the backend's time is asked once more where that does nothing twice. */
	call: async function(method, given) {
		for (let turn = 0; ; turn++) {
			try {
				return await this.once(method, given);
			}
			catch (error) {
				if (error.code === EMPTY && turn)
					return { ticket: null, text: _('It was sent, and stands in the history.'), notes: [] };
				if (error.code !== SLOW)
					throw error;
				if (!isRepeatable(method) || turn === POLL_MS.length)
					throw refusal(SLOW, _('The router did not answer in time. It may have done it all the same: look before you do it again.'));
				await after(POLL_MS[turn]);
			}
		}
	},

	once: async function(method, given) {
		const all = ASKING.includes(method) ? Object.assign({ token: sessionStorage.getItem('dusk.token') || '' }, given) : given || {};
		const args = METHODS[method].map(name => all[name]), bytes = new Blob([ JSON.stringify(args) ]).size;
		if (bytes > BYTES_MAX)
			throw refusal('too-large', this.tooLarge(method, bytes));
		return calls[method](...args).then(read, error => {
			if (error.code)
				throw error;
			if (DENIED.test(error.message))
				throw refusal('not-allowed', _('Your login at this router may not do that; its administrator gives the right.'));
			throw refusal('unreachable', widgets.filled(_('The router does not answer (%s); your draft is kept there. Try again.'), error.message));
		});
	},

	tooLarge: tooLarge,

	/* Has who leads tell this router how all are, which it knows by itself if it leads; gives nothing, also where nobody answers. */
	refresh: async function() {
		try {
			await this.ticket((await this.call('device_refresh')).ticket);
		}
		catch (error) {
			if (error.code === undefined)
				throw error;
		}
	},

	/* Waits until what a ticket stands for has ended. `show` gets its progress. */
	ticket: async function(ticket, show) {
		const end = Date.now() + TICKET_MS_MAX;
		for (let turn = 0; ; turn++) {
			const said = await this.call('ticket_poll', { ticket: ticket });
			if (said.done && said.error)
				throw refusal(said.error.code, said.error.message);
			if (said.done)
				return said.result;
			if (Date.now() > end)
				throw refusal('timeout', _('It takes too long; it may still happen: look at the history.'));
			if (show)
				show(said.progress);
			await after(POLL_MS[Math.min(turn, POLL_MS.length - 1)]);
		}
	}
});
