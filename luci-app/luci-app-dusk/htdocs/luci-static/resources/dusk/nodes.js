'use strict';
'require baseclass';

/* Nodes of the page. LuCI takes a lone text for markup, and writes null and lists within lists as words; so what
 * views show goes through here, where a text is a text (A33). */

const SVG = 'http://www.w3.org/2000/svg';

function flat(children) {
	return [ children ].flat(Infinity).filter(child => child !== null && child !== undefined)
		.map(child => child instanceof Node ? child : document.createTextNode(String(child)));
}

/* What a person would take for the same element after a view was shown anew. */
function isSame(one, other) {
	if (one.id || other.id)
		return one.id === other.id;
	return one.getAttribute('href') === other.getAttribute('href') && one.textContent === other.textContent;
}

/* Node -> what is shown in it, as a text, or of a row as one for each cell. */
const shown = new WeakMap();

/* Puts other children into a node; the keyboard stays where it was. */
function put(node, children) {
	const focused = node.contains(document.activeElement) ? document.activeElement : null;
	node.replaceChildren(...children);
	if (focused) {
		const again = Array.from(node.querySelectorAll(focused.tagName)).find(other => isSame(focused, other));
		if (again)
			again.focus({ preventScroll: true });
	}
}

/* Shows cells in a row, and touches none that says what it said before. */
function showCells(row, says, make) {
	const texts = says.map(one => JSON.stringify(one)), before = shown.get(row) || [];
	if (texts.every((text, at) => text === before[at]))
		return;
	shown.set(row, texts);
	make().forEach((cell, at) => {
		if (at >= row.children.length)
			row.appendChild(cell);
		else if (texts[at] !== before[at])
			put(row.children[at], Array.from(cell.childNodes));
	});
}

/* What a person typed or chose into a control, which has not been sent. */
function typedIn(control) {
	return control.type === 'checkbox' ? control.checked !== control.defaultChecked
		: control.tagName === 'SELECT' ? Array.from(control.options).some(option => option.selected !== option.defaultSelected)
			: control.value !== control.defaultValue;
}

/* Takes along what was typed, and where the cursor stood. A choice that is not offered any more is none. */
function takeAlong(from, to) {
	if (from.type === 'checkbox')
		to.checked = from.checked;
	else if (from.tagName !== 'SELECT' || Array.from(to.options).some(option => option.value === from.value))
		to.value = from.value;
	if (Number.isInteger(from.selectionStart))
		to.setSelectionRange(from.selectionStart, from.selectionEnd);
}

return baseclass.extend({
	/* An element. An attribute that is a function listens to the event of that name; `children` are nodes, texts, null,
	 * or lists of these. */
	make: function(tag, attributes, children) {
		return E(tag, attributes || {}, flat(children));
	},

	/* An element of a drawing. */
	svg: function(tag, attributes, children) {
		const made = document.createElementNS(SVG, tag);
		for (const name in attributes)
			made.setAttribute(name, attributes[name]);
		made.replaceChildren(...flat(children));
		return made;
	},

	/* Puts children in the place of those that a node has; the keyboard stays where it was. */
	fill: function(node, children) {
		shown.delete(node);
		put(node, flat(children));
		return node;
	},

	/* Shows again and again what may be another by now: where `says`, whatever it is, is the same as before, nothing is
	 * touched. Otherwise `make()` gives the children, and what was typed into controls of the same id stays in them. */
	show: function(node, says, make) {
		const text = JSON.stringify(says);
		if (shown.get(node) === text)
			return node;
		shown.set(node, text);
		const typed = Array.from(node.querySelectorAll('input[id]:not([type=file]), select[id], textarea[id]')).filter(typedIn);
		const made = flat(make());
		const holder = E('div', {}, made);
		for (const control of typed) {
			const again = holder.querySelector('#' + control.id);
			if (again && again.type === control.type)
				takeAlong(control, again);
		}
		put(node, made);
		return node;
	},

	/* Rows that stay where they are while what they say changes. `rows` are in order, each with a `key`, `cells()`, which
	 * gives elements, and a list of what each of these `says`: where that is the same as before, the cell stays, with the
	 * keyboard, or work that was begun, in it. */
	rows: function(body, rows) {
		const keys = new Set(rows.map(row => row.key)), before = new Map();
		for (const row of Array.from(body.children))
			if (keys.has(row.dataset.key))
				before.set(row.dataset.key, row);
			else
				row.remove();
		let place = body.firstElementChild;
		for (const { key, says, cells } of rows) {
			const row = before.get(key) || this.make('tr', { 'class': 'tr', 'data-key': key });
			if (row === place)
				place = place.nextElementSibling;
			else
				body.insertBefore(row, place);
			showCells(row, says, cells);
		}
	}
});
