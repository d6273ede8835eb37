'use strict';
'require baseclass';
'require dusk.address as address';
'require dusk.nodes as nodes';
'require dusk.secrets as secrets';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* The fields of one setting: what it is about, and what it says. */

const E = nodes.make;
const PACKAGES = [ 'network', 'wireless', 'dhcp', 'firewall', 'system' ];
const OPTION = 'option', SECTION = 'section', ALL = 'all', FILE = 'file';
const HOWS = [ 'name', 'match', 'each', 'index', ALL, FILE ];
const PLACES = [ '', 'name', 'match' ];
const NOWHERE = { how: '', type: '', name: '', conditions: [] };
const SET = 'set', ADD = 'add-list', ENDED = [ 'delete', 'unset', 'restore-local' ];
const LISTS = [ 'list', ADD, 'del-list' ];
const WORDS = new Map([
	[ SET, _('is') ],
	[ 'list', _('is the list') ],
	[ ADD, _('has among its list') ],
	[ 'del-list', _('does not have in its list') ],
	[ 'exclusive', _('must not be there') ],
	[ 'delete', _('must not be there') ],
	[ 'unset', _('is no longer managed') ],
	[ 'restore-local', _('is again what each router had before') ]
]);
const VERBS = {
	[OPTION]: [ SET, ...LISTS, ...ENDED ],
	[SECTION]: [ SET, ...ENDED ],
	[ALL]: [ 'exclusive', 'unset', 'restore-local' ],
	[FILE]: [ SET, 'delete', 'unset' ]
};
/* What the form calls it that a row says. */
const VERB_OF = { type: SET, secret: SET, 'edit-list': ADD, file: SET };
const MEANWHILE = 'edited-meanwhile';

/* What a row, or the form, is about, so that two can be compared. */
function place(one) {
	const found = one.conditions.map(pair => [ pair.option, pair.value ]).sort((a, b) => a[0] < b[0] ? -1 : 1);
	return JSON.stringify([ one.package, one.how, one.name, one.type, found ]);
}

function isAbout(row, about, verb) {
	const isBelow = !about.option && ENDED.includes(verb);
	return place(row) === place(about) && (isBelow || row.option === about.option);
}

function key(about) {
	if (about.how === FILE)
		return about.package;
	return [ about.package, address.written(about), about.option ].filter(Boolean).join('.');
}

return baseclass.extend({
	place: place,

	/* Whether the fields can show what a row says; the text shows the rest. */
	isShown: function(row) {
		return !row.long && (row.how === FILE || !row.values.some(value => /[\r\n]/.test(value)));
	},

	/* The form for settings of a target. `said` are their rows, and what the cluster takes for `secrets` besides the usual
	 * options; `changed` shows them anew, and gives both. */
	form: function(target, said, changed) {
		let seen = said.rows, further = said.secrets;
		const packages = E('datalist', { id: 'dusk-packages' }, PACKAGES.map(name => E('option', { value: name })));
		const pack = address.input('dusk-package', { list: 'dusk-packages' });
		const option = address.input('dusk-option');
		const verb = E('select', { id: 'dusk-verb', 'class': 'cbi-input-select' });
		const value = address.input('dusk-value'), type = address.input('dusk-type-is');
		const many = E('textarea', { id: 'dusk-values', 'class': 'dusk-short', spellcheck: 'false' });
		const content = E('textarea', { id: 'dusk-content', spellcheck: 'false' });
		const mode = address.input('dusk-mode', { maxlength: '4', value: '0644' });
		const before = address.fields('dusk-before', _('It stands before'), PLACES);
		const at = address.fields('dusk-at', _('Which section'), HOWS, () => show());
		const told = E('p', { role: 'status' }), wrong = E('p', { role: 'alert', 'class': 'dusk-bad' });
		const hint = _('${name} stands for a variable of the router, its group or the cluster.');
		const fields = {
			pack: widgets.field(_('Package'), pack, _('The file of settings, as UCI names it.')),
			option: widgets.field(_('Option'), option, _('Leave it empty to say something of the section itself.')),
			value: widgets.field(_('Value'), value, hint),
			many: widgets.field(_('Values'), many, widgets.filled(_('One a line. %s'), hint)),
			type: widgets.field(_('A section of type'), type),
			content: widgets.field(_('Content'), content),
			mode: widgets.field(_('Mode'), mode)
		};

		function kind() {
			if (at.how() === ALL || at.how() === FILE)
				return at.how();
			return option.value.trim() ? OPTION : SECTION;
		}

		function show() {
			const what = kind(), was = verb.value;
			const hides = what === OPTION && secrets.has(option.value.trim(), further);
			const verbs = VERBS[what].filter(one => !hides || !LISTS.includes(one)); /* a secret is no list */
			nodes.fill(verb, verbs.map(one => E('option', { value: one }, WORDS.get(one))));
			verb.value = verbs.includes(was) ? was : verbs[0];
			fields.pack.hidden = what === FILE;
			fields.option.hidden = what === ALL || what === FILE;
			fields.value.hidden = what !== OPTION || verb.value !== SET;
			fields.many.hidden = what !== OPTION || !LISTS.includes(verb.value);
			fields.type.hidden = before.node.hidden = what !== SECTION || verb.value !== SET;
			fields.content.hidden = fields.mode.hidden = what !== FILE || verb.value !== SET;
			if (!hides && value.type === 'password')
				value.value = ''; /* what was typed as a secret is shown to nobody */
			value.type = hides ? 'password' : 'text';
		}

		/* What it is to say; only of what is shown. */
		function values() {
			if (!fields.value.hidden)
				return [ address.wanted(value, _('Give the value; where there is to be none, choose that it must not be there.')) && value.value ];
			if (!fields.type.hidden)
				return [ address.wanted(type, _('Say of which type the section is.')) ];
			if (!fields.content.hidden)
				return [ content.value ];
			if (fields.many.hidden)
				return [];
			address.wanted(many, _('Give one value at least.'));
			return many.value.split('\n').filter(line => line !== '');
		}

		function given() {
			const about = at.given(), what = kind();
			about.package = what === FILE ? 'file:' + about.name : address.wanted(pack, _('Say in which package it is.'));
			about.name = what === FILE ? '' : about.name;
			about.option = what === OPTION ? option.value.trim() : '';
			const known = seen.filter(row => isAbout(row, about, verb.value));
			return {
				target: target,
				verb: verb.value === 'list' ? SET : verb.value,
				edits: [ { key: key(about), values: values() } ],
				before: before.node.hidden ? undefined : address.written(before.given()),
				mode: fields.mode.hidden ? undefined : mode.value.trim(),
				former: known.some(row => row.long) ? undefined : known.map(row => row.text).join('')
			};
		}

		/* Ready for the next setting of the same section. */
		function next() {
			[ option, value, many, type, content ].forEach(field => { field.value = ''; });
			before.fill(NOWHERE);
			show();
			(fields.option.hidden ? verb : option).focus({ preventScroll: true });
		}

		async function refresh() {
			const now = await changed();
			seen = now.rows;
			further = now.secrets;
			show();
		}

		async function prepare() {
			told.textContent = wrong.textContent = '';
			try {
				const done = await session.call('draft_edit', given());
				if (!done)
					return;
				told.textContent = done.text;
				done.notes.forEach(note => widgets.tell(note, 'warning'));
				next();
				await refresh();
			}
			catch (error) {
				wrong.textContent = error.message;
				if (error.code === MEANWHILE)
					await refresh();
			}
		}

		option.addEventListener('input', show);
		verb.addEventListener('change', show);
		show();
		return {
			node: E('div', { 'class': 'dusk-form' }, [
				packages, fields.pack, at.node, fields.option, widgets.field(_('It'), verb), fields.value, fields.many, fields.type, before.node,
				fields.content, fields.mode, wrong, E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare'), 'cbi-button-action', prepare)), told
			]),

			/* Fills the form with a row; without `isWhole` with what that is about alone. */
			fill: (row, isWhole) => {
				seen = isWhole ? row.among : seen;
				told.textContent = wrong.textContent = '';
				next();
				pack.value = row.how === FILE ? '' : row.package;
				at.fill(row.how === FILE ? Object.assign({}, row, { name: row.package.slice('file:'.length) }) : row);
				option.value = isWhole ? row.option : '';
				show();
				if (isWhole) {
					verb.value = VERB_OF[row.verb] || row.verb;
					show();
					value.value = row.verb === SET ? row.values[0] : '';
					many.value = row.verb === 'list' ? row.values.join('\n') : '';
					type.value = row.verb === 'type' ? row.values[0] : '';
					[ content.value, mode.value ] = row.verb === FILE ? row.values : [ '', '0644' ];
					before.fill(row.before || NOWHERE);
				}
				const first = isWhole ? [ value, many, type, content ].find(field => field.offsetParent) : option;
				(first || verb).focus();
			}
		};
	}
});
