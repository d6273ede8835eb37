'use strict';
'require baseclass';
'require ui';
'require dusk.nodes as nodes';

/* What several views show alike. */

const E = nodes.make;
const PASSWORD_CHARACTERS_MIN = 10;
const SEVERAL_MAX = 8;
const STYLE = '/luci-static/resources/dusk/dusk.css';

function style() {
	if (!document.querySelector(`link[href="${STYLE}"]`))
		document.head.appendChild(E('link', { rel: 'stylesheet', href: STYLE }));
}

style();

const ROLES = {
	master: _('leads'),
	backupMaster: _('takes over'),
	member: _('member'),
	pending: _('waits for approval'),
	joining: _('is joining'),
	removed: _('was removed')
};

/* Puts values in the places of %s and %d, whatever characters they have. */
function filled(text, ...values) {
	return text.replace(/%[sd]/g, () => String(values.shift()));
}

function headOf(columns) {
	return E('thead', {}, E('tr', { 'class': 'tr table-titles' }, columns.map(title => E('th', { 'class': 'th', scope: 'col' }, title))));
}

function cellsOf(columns, cells) {
	return cells.map((cell, index) => E('td', { 'class': 'td', 'data-title': columns[index] }, Array.isArray(cell) ? E('div', {}, cell) : cell));
}

/* Options of a choice; what is chosen stays chosen, also where it is offered no more. */
function offer(select, pairs) {
	const options = Array.from(select.options);
	if (JSON.stringify(options.map(option => [ option.value, option.textContent ])) === JSON.stringify(pairs))
		return;
	const chosen = options.filter(option => option.selected);
	const gone = chosen.filter(option => !pairs.some(pair => pair[0] === option.value));
	const made = pairs.map(pair => E('option', { value: pair[0] }, pair[1])).concat(gone);
	select.replaceChildren(...made);
	made.forEach(option => { option.selected = chosen.some(one => one.value === option.value); });
}

/* How safe a change is that was handed in. */
function safety(said) {
	switch (said.state) {
	case 'durable':
		return filled(_('Version %d: at least two routers have it.'), said.seq);
	case 'local':
		return filled(_('Version %d: this router has it; no other one was heard yet.'), said.seq);
	case 'queued':
		return filled(_('It is kept here and sent as soon as possible; missing: %s.'), said.missing || _('a router that leads'));
	default:
		return null;
	}
}

return baseclass.extend({
	/* The address of a view of ours, wherever the page is. `what` is what it shows. */
	href: function(view, what) {
		const base = location.pathname.replace(/(\/dusk)(\/.*)?$/, '$1/');
		return base + view + (what === undefined ? '' : '#' + encodeURIComponent(what));
	},

	/* What stands behind # in this view's address. */
	shown: function() {
		try {
			return decodeURIComponent(location.hash.slice(1));
		}
		catch (error) {
			return '';
		}
	},

	/* A table. `columns` are titles; a row is a list of nodes or texts. */
	table: function(caption, columns, rows, empty) {
		if (!rows.length)
			return E('p', { 'class': 'hint' }, empty);
		return E('table', { 'class': 'table', 'aria-label': caption }, [
			headOf(columns),
			E('tbody', {}, rows.map(cells => E('tr', { 'class': 'tr' }, cellsOf(columns, cells))))
		]);
	},

	/* A table that is shown again and again, whose rows stay where they are: `show(rows)`, as of `nodes.rows`, but
	 * cells are nodes or texts. */
	lasting: function(caption, columns, empty) {
		const body = E('tbody', {}), none = E('p', { 'class': 'hint' }, empty);
		const table = E('table', { 'class': 'table', 'aria-label': caption }, [ headOf(columns), body ]);
		const node = E('div', {}, none);
		return {
			node: node,
			show: rows => {
				nodes.rows(body, rows.map(row => ({ key: row.key, says: row.says, cells: () => cellsOf(columns, row.cells()) })));
				const wanted = rows.length ? table : none;
				if (node.firstChild !== wanted)
					nodes.fill(node, wanted);
			}
		};
	},

	/* A word with a colour; the word alone says it, too. */
	badge: function(kind, text) {
		return E('span', { 'class': 'dusk-badge dusk-' + kind }, text);
	},

	/* A text for people with what stands between backticks as what one types, or finds in a file. */
	words: function(text) {
		return text.split('`').map((part, at) => at % 2 ? E('code', {}, part) : part);
	},

	/* Many names in a line: the first ones, and the others when they are wanted. */
	several: function(names) {
		if (names.length <= SEVERAL_MAX)
			return names.join(', ') || '-';
		return [ names.slice(0, SEVERAL_MAX).join(', ') + ', ', E('details', { 'class': 'dusk-several' }, [
			E('summary', {}, filled(_('and %d more'), names.length - SEVERAL_MAX)), names.slice(SEVERAL_MAX).join(', ')
		]) ];
	},

	/* How long ago, in words. */
	ago: function(seconds) {
		if (seconds === null || seconds === undefined)
			return _('never');
		if (seconds < 90)
			return filled(_('%d s ago'), Math.round(seconds));
		if (seconds < 5400)
			return filled(_('%d min ago'), Math.round(seconds / 60));
		if (seconds < 172800)
			return filled(_('%d h ago'), Math.round(seconds / 3600));
		return filled(_('%d days ago'), Math.round(seconds / 86400));
	},

	/* A label and its control, which has an id. */
	field: function(title, control, hint) {
		return E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': control.id }, title),
			E('div', { 'class': 'cbi-value-field' }, [ control, hint ? E('div', { 'class': 'cbi-value-description' }, hint) : null ])
		]);
	},

	/* A button. `work` gets the event; what it throws is shown, and the button can be pressed again: it has the keyboard
	 * back, unless that went on meanwhile. */
	button: function(title, kind, work) {
		const node = E('button', { type: 'button', 'class': 'btn ' + (kind || ''), click: ui.createHandlerFn(null, event =>
			Promise.resolve().then(() => work(event)).catch(error => this.tell(error.message, 'danger')).then(() => setTimeout(() => {
				if (document.activeElement === document.body && node.isConnected)
					node.focus({ preventScroll: true });
			}))) }, title);
		return node;
	},

	/* A line above the view, until it is dismissed. */
	tell: function(text, kind) {
		const line = ui.addNotification(null, E('p', {}, text), kind || 'info');
		line.scrollIntoView({ block: 'nearest' });
		return line;
	},

	/* Boxes to tick, one a name; `chosen` gives the names that are, `offer` takes other names: what is ticked stays ticked. */
	choices: function(title, names) {
		const node = E('fieldset', { 'class': 'dusk-choices' });
		const chosen = () => Array.from(node.querySelectorAll('input:checked'), box => box.value);
		const offered = found => {
			const ticked = chosen(), all = [ ...new Set(found.concat(ticked)) ];
			node.hidden = !all.length;
			nodes.show(node, all, () => [ E('legend', {}, title), all.map(name =>
				E('label', {}, [ E('input', { type: 'checkbox', value: name, checked: ticked.includes(name) ? '' : null }), ' ', name ])) ]);
		};
		offered(names);
		return { node: node, chosen: chosen, offer: offered };
	},

	/* What stands where a secret is typed or shown while others on the network can read along; else null. */
	inTheClear: function() {
		return window.isSecureContext ? null : E('p', { 'class': 'alert-message danger' },
			_('This page came over the network unencrypted: whoever listens between it and you reads what you type and see here. Use https, if the router offers it, or a cable.'));
	},

	/* A password that is chosen, typed twice. `value` gives it, or throws what is wrong with it. */
	newPassword: function(id) {
		const one = E('input', { id: id + '-password', 'class': 'cbi-input-password', type: 'password', autocomplete: 'new-password', spellcheck: 'false', maxlength: '1024' });
		const again = E('input', { id: id + '-again', 'class': 'cbi-input-password', type: 'password', autocomplete: 'new-password', spellcheck: 'false', maxlength: '1024' });
		const wrong = (field, text) => { field.focus(); throw new Error(text); };
		return {
			node: [
				this.inTheClear(),
				this.field(_('New password'), one, filled(_('At least %d characters, such as a few words.'), PASSWORD_CHARACTERS_MIN)),
				this.field(_('The same again'), again)
			],
			value: () => {
				if (Array.from(one.value).length < PASSWORD_CHARACTERS_MIN)
					wrong(one, filled(_('A password has at least %d characters, such as a few words.'), PASSWORD_CHARACTERS_MIN));
				if (one.value !== again.value)
					wrong(again, _('The two passwords differ; type them again.'));
				return one.value;
			},
			clear: () => { one.value = again.value = ''; }
		};
	},

	/* A form that is opened when it is wanted; then `opened` is called, and what it throws is shown. */
	folded: function(title, children, opened) {
		const node = E('details', { 'class': 'cbi-section dusk-folded' }, [ E('summary', {}, title), children ]);
		if (opened)
			node.addEventListener('toggle', () => node.open && Promise.resolve().then(opened).catch(error => this.tell(error.message, 'danger')));
		return node;
	},

	filled: filled,

	/* Tells what became of a call that prepares something, or hands it in: what was done, how safe it is, what to
	 * know besides. Gives whether there is an outcome: who would rather not log in has none. */
	told: function(said) {
		if (!said)
			return false;
		const proposed = said.proposal ? filled(_('It waits for more signatures, as proposal %s.'), said.proposal) : null;
		const lines = [ said.text, proposed, safety(said) ].filter(Boolean);
		this.tell(lines.length ? lines.join(' - ') : _('Done.'), said.state === 'queued' ? 'warning' : 'success');
		(said.notes || []).forEach(note => this.tell(note, 'warning'));
		return true;
	},

	/* A dialog. Its first button, and Escape, close it and change nothing; `buttons` do more. */
	dialog: function(title, children, buttons, closed) {
		const close = () => { ui.hideModal(); if (closed) closed(); };
		const first = this.button(buttons ? _('Cancel') : _('Close'), '', close);
		ui.showModal([ title ], E('div', { keydown: event => event.key === 'Escape' ? close() : null }, [
			children,
			E('div', { 'class': 'right dusk-actions' }, [ first, buttons ])
		]));
		first.focus();
	},

	/* Asks before what cannot be taken back; gives whether it is to be done. */
	sure: function(title, children, action) {
		return new Promise(resolve => this.dialog(title, typeof children === 'string' ? E('p', {}, children) : children,
			this.button(action, 'cbi-button-negative important', () => { ui.hideModal(); resolve(true); }), () => resolve(false)));
	},

	/* A part of a view under its own title. */
	part: function(title, children) {
		return E('section', { 'class': 'cbi-section', 'aria-label': title }, [ E('h3', {}, title), children ]);
	},

	/* A choice of one. `pairs` are values and what they are called; where others may come, `fresh` gives a promise of those
	 * of now, and is asked whenever somebody is about to open it. */
	select: function(id, pairs, fresh) {
		const node = E('select', { id: id, 'class': 'cbi-input-select' });
		offer(node, pairs);
		let isAsked = false;
		const ask = async () => {
			if (isAsked)
				return;
			isAsked = true;
			// where nobody answers, what was offered stays
			await fresh().then(found => offer(node, found), () => null);
			isAsked = false;
		};
		if (fresh)
			[ 'pointerenter', 'focus' ].forEach(event => node.addEventListener(event, ask));
		return node;
	},

	/* A box to tick. */
	box: function(id, isOn) {
		return E('input', { id: id, type: 'checkbox', checked: isOn === true ? '' : null });
	},

	/* A box to tick, with its words behind it. */
	checkbox: function(id, text, isOn) {
		return E('label', { 'class': 'dusk-check', 'for': id }, [ this.box(id, isOn), ' ', text ]);
	},

	/* Short facts, each with its name. */
	facts: function(rows) {
		return E('dl', { 'class': 'dusk-facts' }, rows.map(pair => E('div', {}, [ E('dt', {}, pair[0]), E('dd', {}, pair[1]) ])));
	},

	role: function(word) {
		return ROLES[word] || word;
	},

	/* What is in place of a setting that is not there. */
	orNothing: function(value) {
		return value === null || value === undefined ? E('span', { 'class': 'dusk-quiet' }, _('nothing')) : String(value);
	},

	/* Differences in lines: what begins with + or - is marked by more than its colour. */
	diff: function(text) {
		const kinds = { '+': 'dusk-added', '-': 'dusk-removed', '!': 'dusk-marked' };
		return E('pre', { 'class': 'dusk-diff', tabindex: '0' }, text.split('\n').map(line =>
			E('span', { 'class': kinds[line.trimStart()[0]] || 'dusk-same' }, line + '\n')));
	},

	/* A time of the cluster. */
	time: function(seconds, isTrusted) {
		const text = new Date(seconds * 1000).toLocaleString();
		return isTrusted ? text : filled(_('about %s'), text);
	},

	/* What went wrong, and what to do, in the place of what could not be shown. */
	trouble: function(error) {
		return E('div', { 'class': 'alert-message danger', role: 'alert' }, E('p', {}, error.message));
	}
});
