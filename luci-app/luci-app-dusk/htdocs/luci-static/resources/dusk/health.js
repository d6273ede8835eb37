'use strict';
'require baseclass';
'require dusk.widgets as widgets';

/* What a router answered to the question how it is, in words and units; `dusk device show` says the same. */

const KIB = 1024;
const TIMES = [ [ 86400, _('%d d') ], [ 3600, _('%d h') ], [ 60, _('%d min') ], [ 1, _('%d s') ] ];
const SIZES = [ _('%s KiB'), _('%s MiB'), _('%s GiB'), _('%s TiB') ];

/* A length of time in its two largest units. */
function time(seconds) {
	const parts = [];
	let left = seconds;
	for (const [ size, text ] of TIMES) {
		const count = Math.floor(left / size);
		left -= count * size;
		if (count || size === 1 && !parts.length)
			parts.push(widgets.filled(text, count));
	}
	return parts.slice(0, 2).join(' ');
}

function size(bytes) {
	if (bytes < KIB)
		return widgets.filled(_('%d bytes'), bytes);
	let count = bytes / KIB, unit = 0;
	for (; count >= KIB && unit < SIZES.length - 1; unit++)
		count /= KIB;
	return widgets.filled(SIZES[unit], count.toFixed(1));
}

function free(room) {
	return widgets.filled(_('%s of %s MiB free'), (room.free / KIB).toFixed(1), (room.total / KIB).toFixed(1));
}

/* Its wall time, and what that is worth: whoever has no time server may say any. */
function clock(told) {
	const date = new Date(told.time_s * 1000);
	const text = isNaN(date) ? widgets.filled(_('%d s after 1970'), told.time_s) : date.toLocaleString();
	return told.trusted ? text : widgets.filled(_('%s, which nothing vouches for: it waits for a time server'), text);
}

function radio(one) {
	if (!one.is_up)
		return _('off');
	return [
		one.band || _('on'),
		one.channel ? widgets.filled(_('channel %d'), one.channel) : null,
		one.clients === null ? null : widgets.filled(one.clients === 1 ? _('%d client') : _('%d clients'), one.clients)
	].filter(Boolean).join(', ');
}

function network(one) {
	return [
		one.is_up ? _('up') : _('down'),
		one.addresses.join(' ') || _('no address'),
		one.mac || _('no hardware address'),
		widgets.filled(_('%s in'), size(one.received_bytes)),
		widgets.filled(_('%s out'), size(one.sent_bytes)),
		widgets.filled(one.errors === 1 ? _('%d error') : _('%d errors'), one.errors)
	].join(', ');
}

return baseclass.extend({
	/* Pairs of what it is about and what is so; what the router cannot tell is left out. */
	rows: function(health) {
		return [
			[ _('Running for'), time(health.uptime_s) ],
			health.load ? [ _('Load'), health.load.map(figure => figure.toFixed(2)).join(' ') ] : null,
			health.memory_kib ? [ _('Memory'), free(health.memory_kib) ] : null,
			health.flash_kib ? [ _('Flash'), free(health.flash_kib) ] : null,
			[ _('Clock'), clock(health.clock) ]
		].filter(Boolean).concat(
			health.radios.map(one => [ widgets.filled(_('Radio %s'), one.name), radio(one) ]),
			health.interfaces.map(one => [ widgets.filled(_('Interface %s'), one.name), network(one) ]));
	}
});
