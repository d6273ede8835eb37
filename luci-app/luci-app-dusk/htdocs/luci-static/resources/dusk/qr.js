'use strict';
'require baseclass';
'require dusk.nodes as nodes';

/* A text as a QR code (ISO/IEC 18004), drawn as SVG: byte mode, error correction of level M, versions 1 to 20.
 * A grid is a list of rows; of a cell, `true` is dark, `null` is free for data. */

const EXTRA = [ 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26 ];
const BLOCKS = [ 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16 ];
const MARGIN = 4;
const BYTE_MODE = 4;
const PADDING = [ 0xec, 0x11 ];
const MASKS = [
	(x, y) => (x + y) % 2 === 0,
	(x, y) => y % 2 === 0,
	(x) => x % 3 === 0,
	(x, y) => (x + y) % 3 === 0,
	(x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
	(x, y) => x * y % 2 + x * y % 3 === 0,
	(x, y) => (x * y % 2 + x * y % 3) % 2 === 0,
	(x, y) => ((x + y) % 2 + x * y % 3) % 2 === 0
];

/* --- what is always there ---------------------------------------------------------------------- */

function square(grid, left, top, size, isDark) {
	for (let y = Math.max(0, top); y < Math.min(grid.length, top + size); y++)
		for (let x = Math.max(0, left); x < Math.min(grid.length, left + size); x++)
			grid[y][x] = isDark;
}

/* Squares in one another, around a middle; each is two cells smaller than the one before. */
function target(grid, x, y, sizes) {
	sizes.forEach(one => square(grid, x - (one.size - 1) / 2, y - (one.size - 1) / 2, one.size, one.isDark));
}

const FINDER = [ { size: 9, isDark: false }, { size: 7, isDark: true }, { size: 5, isDark: false }, { size: 3, isDark: true } ];
const ALIGNMENT = [ { size: 5, isDark: true }, { size: 3, isDark: false }, { size: 1, isDark: true } ];

function alignments(version) {
	if (version === 1)
		return [];
	const count = Math.floor(version / 7) + 2, last = 4 * version + 10;
	const step = 2 * Math.ceil((last - 6) / (count - 1) / 2);
	return Array.from({ length: count }, (_one, index) => index ? last - step * (count - 1 - index) : 6);
}

function patterns(version) {
	const size = 17 + 4 * version, end = size - 4;
	const grid = Array.from({ length: size }, () => new Array(size).fill(null));
	for (let at = 0; at < size; at++)
		grid[6][at] = grid[at][6] = at % 2 === 0;
	[ [ 3, 3 ], [ end, 3 ], [ 3, end ] ].forEach(pair => target(grid, pair[0], pair[1], FINDER));
	const places = alignments(version), last = places.length - 1;
	places.forEach((x, i) => places.forEach((y, j) => {
		if (!(i === 0 && j === 0) && !(i === 0 && j === last) && !(i === last && j === 0))
			target(grid, x, y, ALIGNMENT);
	}));
	writeFormat(grid, 0);
	writeVersion(grid, version);
	return grid;
}

/* Returns a number with the rest of its division behind it (BCH). */
function guarded(number, divisor, bits) {
	let rest = number << bits;
	for (let at = 31 - Math.clz32(rest); at >= bits; at = 31 - Math.clz32(rest))
		rest ^= divisor << at - bits;
	return number << bits | rest;
}

/* Level M is 00. */
function writeFormat(grid, mask) {
	const bits = guarded(mask, 0x537, 10) ^ 0x5412, size = grid.length;
	for (let at = 0; at < 15; at++) {
		const isDark = (bits >> at & 1) === 1;
		const [ x, y ] = at < 6 ? [ 8, at ] : at < 8 ? [ 8, at + 1 ] : at === 8 ? [ 7, 8 ] : [ 14 - at, 8 ];
		grid[y][x] = isDark;
		if (at < 8)
			grid[8][size - 1 - at] = isDark;
		else
			grid[size - 15 + at][8] = isDark;
	}
	grid[size - 8][8] = true;
}

function writeVersion(grid, version) {
	if (version < 7)
		return;
	const bits = guarded(version, 0x1f25, 12);
	for (let at = 0; at < 18; at++) {
		const far = grid.length - 11 + at % 3, near = Math.floor(at / 3);
		grid[near][far] = grid[far][near] = (bits >> at & 1) === 1;
	}
}

/* --- the data ------------------------------------------------------------------------------------ */

function product(a, b) {
	let sum = 0;
	for (; b; b >>= 1) {
		if (b & 1)
			sum ^= a;
		a = a << 1 ^ (a & 0x80 ? 0x11d : 0);
	}
	return sum;
}

function generator(count) {
	let found = [ 1 ];
	for (let index = 0, root = 1; index < count; index++, root = product(root, 2)) {
		const next = found.concat(0);
		found.forEach((one, at) => { next[at + 1] ^= product(one, root); });
		found = next;
	}
	return found.slice(1);
}

/* Reed and Solomon's check bytes. */
function check(data, divisor) {
	const rest = new Array(divisor.length).fill(0);
	for (const byte of data) {
		const factor = byte ^ rest.shift();
		rest.push(0);
		divisor.forEach((one, at) => { rest[at] ^= product(one, factor); });
	}
	return rest;
}

/* The bytes of a text behind their mode and number, filled up. */
function stream(bytes, version, count) {
	const width = version < 10 ? 8 : 16;
	let bits = BYTE_MODE.toString(2).padStart(4, '0') + bytes.length.toString(2).padStart(width, '0');
	for (const byte of bytes)
		bits += byte.toString(2).padStart(8, '0');
	bits += '0'.repeat(Math.min(4, count * 8 - bits.length));
	bits += '0'.repeat((8 - bits.length % 8) % 8);
	const found = bits.match(/.{8}/g).map(byte => parseInt(byte, 2));
	for (let turn = 0; found.length < count; turn++)
		found.push(PADDING[turn % 2]);
	return found;
}

/* Blocks, the longer ones last, and byte by byte of one after the other. */
function codewords(data, version) {
	const count = BLOCKS[version - 1], short = Math.floor(data.length / count), longer = data.length % count;
	const divisor = generator(EXTRA[version - 1]);
	const blocks = [];
	for (let index = 0, at = 0; index < count; index++) {
		const size = short + (index >= count - longer ? 1 : 0);
		blocks.push(data.slice(at, at + size));
		at += size;
	}
	const found = [];
	for (let at = 0; at <= short; at++)
		blocks.filter(block => at < block.length).forEach(block => found.push(block[at]));
	const checks = blocks.map(block => check(block, divisor));
	divisor.forEach((_one, at) => checks.forEach(one => found.push(one[at])));
	return found;
}

/* --- where it stands ------------------------------------------------------------------------------ */

/* The free cells, two columns at a time, upwards first; the column of the timing pattern is none. */
function freeCells(grid) {
	const size = grid.length, found = [];
	for (let right = size - 1, isUp = true; right > 0; right -= 2, isUp = !isUp) {
		if (right === 6)
			right = 5;
		for (let step = 0; step < size; step++) {
			const y = isUp ? size - 1 - step : step;
			[ right, right - 1 ].filter(x => grid[y][x] === null).forEach(x => found.push([ x, y ]));
		}
	}
	return found;
}

function masked(grid, cells, bytes, mask) {
	const found = grid.map(row => row.slice());
	cells.forEach((cell, at) => {
		const bit = at < bytes.length * 8 ? bytes[at >> 3] >> 7 - at % 8 & 1 : 0;
		found[cell[1]][cell[0]] = (bit === 1) !== MASKS[mask](cell[0], cell[1]);
	});
	writeFormat(found, mask);
	return found;
}

/* How hard it is to read: long runs, blocks, what looks like a finder, too much of a colour. */
function penalty(grid) {
	const line = cells => cells.map(isDark => isDark ? '1' : '0').join('');
	const rows = grid.map(line), columns = grid.map((_row, x) => line(grid.map(row => row[x])));
	let sum = 0;
	for (const one of rows.concat(columns)) {
		(one.match(/0{5,}|1{5,}/g) || []).forEach(run => { sum += run.length - 2; });
		sum += 40 * (one.match(/(?=10111010000|00001011101)/g) || []).length;
	}
	for (let y = 1; y < rows.length; y++)
		for (let x = 1; x < rows.length; x++)
			if (new Set([ rows[y][x], rows[y][x - 1], rows[y - 1][x], rows[y - 1][x - 1] ]).size === 1)
				sum += 3;
	const dark = rows.join('').replace(/0/g, '').length, all = grid.length * grid.length;
	return sum + 10 * Math.floor(Math.abs(20 * dark - 10 * all) / all);
}

function grid(text) {
	const bytes = new TextEncoder().encode(text);
	for (let version = 1; version <= BLOCKS.length; version++) {
		const empty = patterns(version), cells = freeCells(empty);
		const count = (cells.length >> 3) - EXTRA[version - 1] * BLOCKS[version - 1];
		if (4 + (version < 10 ? 8 : 16) + 8 * bytes.length > 8 * count)
			continue;
		const data = codewords(stream(bytes, version, count), version);
		const all = MASKS.map((_mask, number) => masked(empty, cells, data, number));
		const marks = all.map(penalty);
		return all[marks.indexOf(Math.min(...marks))];
	}
	return null;
}

return baseclass.extend({
	/* Draws a text; null where it has more than 666 bytes. `title` is for who cannot see it. */
	draw: function(text, title) {
		const rows = grid(text);
		if (!rows)
			return null;
		const size = rows.length + 2 * MARGIN;
		let path = '';
		rows.forEach((row, y) => row.forEach((isDark, x) => {
			if (isDark)
				path += `M${x + MARGIN} ${y + MARGIN}h1v1h-1z`;
		}));
		const drawn = nodes.svg('svg', { viewBox: `0 0 ${size} ${size}`, 'class': 'dusk-qr', role: 'img', 'aria-label': title, 'shape-rendering': 'crispEdges' });
		drawn.appendChild(nodes.svg('rect', { width: size, height: size, fill: '#fff' }));
		drawn.appendChild(nodes.svg('path', { d: path, fill: '#000' }));
		return drawn;
	}
});
