'use strict';
'require baseclass';

/* How a router is, for all views in the same words. A shape says what a colour says. */

const AWAY = 'away', FAILED = 'failed', BEHIND = 'behind', DRIFT = 'drift', HELD = 'held', OFF = 'off', OTHERS = 'waiting', WAITS = 'waits', WELL = 'well';
const SECRET = 'waiting-for-secret';
/* Of an apply: nothing goes on until somebody, or somebody else, does something. */
const STILL = [ FAILED, SECRET, OTHERS, HELD, OFF ];
/* From what is worst to what is best, with its colour and its shape within a field of 12 units. */
const ALL = new Map([
	[ AWAY, { kind: 'bad', word: _('not heard'), path: 'M2 2L10 10M10 2L2 10' } ],
	[ FAILED, { kind: 'bad', word: _('could not apply'), path: 'M1 1H11V11H1ZM4 4L8 8M8 4L4 8' } ],
	[ SECRET, { kind: 'warn', word: _('waits for a secret'), path: 'M1 6A2.5 2.5 0 1 1 6 6A2.5 2.5 0 1 1 1 6M6 6H11V9' } ],
	[ OTHERS, { kind: 'warn', word: _('waits for edits there'), path: 'M2 10L3 7L8 2L10 4L5 9ZM7 3L9 5' } ],
	[ BEHIND, { kind: 'warn', word: _('behind'), path: 'M1 2H11L6 11Z' } ],
	[ DRIFT, { kind: 'warn', word: _('changed by hand'), path: 'M6 1L11 6L6 11L1 6Z' } ],
	[ HELD, { kind: 'quiet', word: _('on hold'), path: 'M3 2V10M9 2V10' } ],
	[ OFF, { kind: 'quiet', word: _('changes no files'), path: 'M1 6H11' } ],
	[ WAITS, { kind: 'quiet', word: _('waits for its wave'), path: 'M2 6A4 4 0 1 1 10 6A4 4 0 1 1 2 6M6 4V6H8' } ],
	[ WELL, { kind: 'good', word: _('well'), path: 'M2 6L5 9L10 3' } ]
]);

/* What an apply is at, of those that say nothing about the router itself. */
const STEPS = new Map([
	[ 'idle', _('not begun') ],
	[ 'staged', _('gets ready') ],
	[ 'ready', _('ready to switch') ],
	[ 'applied', _('in the files, and not confirmed yet') ],
	[ 'confirming', _('is being confirmed') ],
	[ 'committed', _('in effect') ],
	[ 'rolling-back', _('is being put back') ]
]);

return baseclass.extend({
	AWAY: AWAY,
	DRIFT: DRIFT,
	WELL: WELL,
	ALL: ALL,

	/* What the apply of a router is at, by its word in `apply`. A newer router may have words that this page has not. */
	applying: word => STILL.includes(word) ? ALL.get(word).word : STEPS.get(word) || word,

	/* The state of a row of `device_list`, where `newest` is the version of the log. */
	of: function(device, newest) {
		if (!device.online)
			return AWAY;
		if (STILL.includes(device.apply))
			return device.apply;
		if (device.rollout)
			return WAITS;
		if ((device.applied || 0) < newest)
			return BEHIND;
		return device.drift ? DRIFT : WELL;
	}
});
