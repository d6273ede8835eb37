'use strict';
'require baseclass';
'require dusk.nodes as nodes';
'require dusk.states as states';
'require dusk.widgets as widgets';

/* The cluster as a picture: who leads, by which way it reaches the others, and how these are. A shape says what a colour says,
 * and words for who does not see it say both. Few routers have their names, many a mark each, very many a bar for their group. */

const svg = nodes.svg;
const WIDTH = 360, LEFT = 26, LINE = 18;
const NAMED_MAX = 12, MARKED_MAX = 150, GROUPS_MAX = 20, TOLD_MAX = 20, CHARACTERS_MAX = 17;
const { ALL: STATES, AWAY, WELL } = states;
const MULTICAST = 'multicast', ALONE = 'alone', RELAY = 'relay ';

function counts(devices) {
	return Array.from(STATES.keys(), state => [ state, devices.filter(one => one.state === state).length ]).filter(pair => pair[1]);
}

function inWords(devices) {
	return counts(devices).map(pair => widgets.filled(_('%d %s'), pair[1], STATES.get(pair[0]).word)).join(', ');
}

function cut(text, most) {
	const characters = Array.from(text);
	return characters.length > most ? characters.slice(0, most - 1).join('') + '\u2026' : text;
}

/* --- ways -------------------------------------------------------------------------------------- */

function wayTitle(way) {
	if (way === MULTICAST)
		return _('by multicast');
	if (way === ALONE)
		return _('by a copy for each alone');
	return way.startsWith(RELAY) ? widgets.filled(_('repeated by %s'), way.slice(RELAY.length)) : _('heard');
}

/* Those that are reached in the same way, the usual one first; who is not heard is reached in none. */
function lanes(devices) {
	const found = new Map();
	devices.forEach(one => {
		const way = one.state === AWAY ? AWAY : one.way || '';
		found.set(way, (found.get(way) || []).concat(one));
	});
	const order = [ MULTICAST, '', ALONE, RELAY, AWAY ];
	const rank = way => order.indexOf(way.startsWith(RELAY) ? RELAY : way);
	return Array.from(found.keys()).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
		.map(way => ({ way: way, title: way === AWAY ? STATES.get(AWAY).word : wayTitle(way), devices: found.get(way) }));
}

/* --- marks ------------------------------------------------------------------------------------- */

function mark(state, x, y) {
	return svg('path', { d: STATES.get(state).path, transform: `translate(${x} ${y})`, 'class': 'dusk-mark dusk-' + STATES.get(state).kind });
}

function words(text, x, y, given) {
	return svg('text', Object.assign({ x: x, y: y, 'class': 'dusk-word' }, given), text);
}

/* Few: a mark and the name of each, two in a line. Gives the drawn and how high it is. */
function named(devices, top) {
	const half = (WIDTH - LEFT) / 2;
	const drawn = devices.map((one, at) => {
		const x = LEFT + at % 2 * half, y = top + Math.floor(at / 2) * LINE;
		return [ mark(one.state, x, y), words(cut(one.name, CHARACTERS_MAX), x + 18, y + 10) ];
	});
	return [ drawn, Math.ceil(devices.length / 2) * LINE ];
}

/* Many: a mark of each, the worst first. */
function marked(devices, top) {
	const across = Math.floor((WIDTH - LEFT) / LINE), order = Array.from(STATES.keys());
	const sorted = devices.slice().sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
	const drawn = sorted.map((one, at) => mark(one.state, LEFT + at % across * LINE, top + Math.floor(at / across) * LINE));
	return [ drawn, Math.ceil(devices.length / across) * LINE ];
}

function groupsOf(devices) {
	const found = new Map();
	devices.forEach(one => {
		const name = one.groups[0] || one.groups_by_facts[0] || '';
		found.set(name, (found.get(name) || []).concat(one));
	});
	const bad = some => some.filter(one => one.state !== WELL).length;
	const rows = Array.from(found).sort((a, b) => bad(b[1]) - bad(a[1]) || b[1].length - a[1].length);
	const rest = rows.slice(GROUPS_MAX);
	const shown = rows.slice(0, GROUPS_MAX).map(pair => [ pair[0] || _('in no group'), pair[1] ]);
	return rest.length ? shown.concat([ [ widgets.filled(_('%d more groups'), rest.length), rest.flatMap(pair => pair[1]) ] ]) : shown;
}

/* Very many: a bar for each group, as wide as their share of it. */
function grouped(devices, top) {
	const wide = WIDTH - LEFT - 2, high = 2 * LINE + 4;
	const drawn = groupsOf(devices).map((pair, at) => {
		const y = top + at * high;
		let x = LEFT;
		const parts = counts(pair[1]).map(([ state, count ]) => {
			const width = wide * count / pair[1].length;
			const part = svg('rect', { x: x, y: y + LINE - 2, width: width, height: 10, 'class': 'dusk-part dusk-' + STATES.get(state).kind });
			x += width;
			return part;
		});
		const well = pair[1].filter(one => one.state === WELL).length;
		return [ words(widgets.filled(_('%s: %d of %d well'), cut(pair[0], 28), well, pair[1].length), LEFT, y + 11), parts ];
	});
	return [ drawn, drawn.length * high ];
}

/* --- all of it --------------------------------------------------------------------------------- */

function lane(one, all, top) {
	const draw = all <= NAMED_MAX ? named : one.devices.length <= MARKED_MAX ? marked : grouped;
	const [ drawn, high ] = draw(one.devices, top + LINE);
	const kind = one.way === MULTICAST || one.way === '' ? '' : one.way === AWAY ? ' dusk-none' : ' dusk-dashed';
	return [
		svg('path', { d: `M10 ${top + 8}H22`, 'class': 'dusk-way' + kind }), words(widgets.filled('%s (%d)', one.title, one.devices.length), LEFT, top + 12, { 'class': 'dusk-word dusk-title' }),
		drawn, LINE + high + 8
	];
}

function legend(devices, top) {
	let x = 4, y = top;
	const drawn = counts(devices).map(([ state, count ]) => {
		const text = widgets.filled(_('%d %s'), count, STATES.get(state).word), wide = 28 + 7 * text.length;
		if (x + wide > WIDTH) {
			x = 4;
			y += LINE;
		}
		const part = [ mark(state, x, y), words(text, x + 18, y + 10) ];
		x += wide;
		return part;
	});
	return [ drawn, y + LINE - top ];
}

/* What the picture says, for who does not see it; the table below it has every router. */
function inFull(leader, backup, found, devices) {
	const ill = devices.filter(one => one.state !== WELL);
	const names = ill.slice(0, TOLD_MAX).map(one => `${one.name}: ${STATES.get(one.state).word}`).join('; ');
	return [
		leader ? widgets.filled(_('%s leads.'), leader) : _('Nobody leads.'),
		backup ? widgets.filled(_('%s takes over if it fails.'), backup.name) : null,
		found.map(one => `${one.title}: ${inWords(one.devices)}.`).join(' '),
		names ? names + (ill.length > TOLD_MAX ? ' ' + widgets.filled(_('and %d more'), ill.length - TOLD_MAX) : '') + '.' : null
	].filter(Boolean).join(' ');
}

/* The picture of others around the one who leads. */
function draw(leader, devices) {
	const leading = devices.find(one => one.name === leader), backup = devices.find(one => one.role === 'backupMaster');
	const others = devices.filter(one => one !== leading), found = lanes(others);
	const drawn = [];
	let top = 60, end = top;
	found.forEach(one => {
		const [ line, title, marks, high ] = lane(one, others.length, top);
		drawn.push(line, title, marks);
		end = one.way === AWAY ? end : top + 8;
		top += high;
	});
	const [ key, high ] = legend(devices, top);
	return svg('svg', { viewBox: `0 0 ${WIDTH} ${top + high}`, 'class': 'dusk-picture', role: 'img', 'aria-label': inFull(leader, backup, found, devices) }, [
		svg('path', { d: `M10 47V${end}`, 'class': 'dusk-way' }),
		svg('rect', { x: 1, y: 1, width: WIDTH - 2, height: 46, rx: 6, 'class': 'dusk-frame' }),
		leading ? mark(leading.state, 10, 10) : null,
		words(leader ? widgets.filled(_('%s leads'), cut(leader, 28)) : _('Nobody leads'), 28, 20, { 'class': 'dusk-word dusk-title' }),
		words(backup ? widgets.filled(_('%s takes over if it fails'), cut(backup.name, 28)) : _('nobody takes over if it fails'), 28, 38),
		drawn, key
	]);
}

return baseclass.extend({
	/* Shows in a place what `status` and the rows of `device_list` say, as often as that is another by now. */
	shown: function(place, status, rows) {
		const devices = rows.map(row => ({
			name: row.name, role: row.role, way: row.way, groups: row.groups, groups_by_facts: row.groups_by_facts, state: states.of(row, status.head.seq)
		}));
		nodes.show(place, [ status.master, devices ], () => draw(status.master, devices));
	}
});
