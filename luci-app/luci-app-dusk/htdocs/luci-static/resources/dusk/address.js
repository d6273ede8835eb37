'use strict';
'require baseclass';
'require dusk.nodes as nodes';
'require dusk.widgets as widgets';

/* Which section a setting is about, as fields: by its name, by what is in it, each that there is, by its place. */

const E = nodes.make;
const NAME = 'name', MATCH = 'match', EACH = 'each', INDEX = 'index', ALL = 'all', FILE = 'file', NONE = '';
const HOWS = new Map([
	[ NONE, _('wherever it comes to stand') ],
	[ NAME, _('the one of this name') ],
	[ MATCH, _('the one in which') ],
	[ EACH, _('each one in which') ],
	[ INDEX, _('the one at this place') ],
	[ ALL, _('all that no setting names') ],
	[ FILE, _('a file that is none of UCI') ]
]);

function matched(address) {
	const conditions = address.conditions.map(one => one.option + '="' + one.value.replace(/["\\]/g, '\\$&') + '"');
	return address.type + (conditions.length ? '[' + conditions.join(',') + ']' : '');
}

/* An address as a KEY has it. */
function written(address) {
	switch (address.how) {
	case MATCH:
		return matched(address);
	case EACH:
		return 'each ' + matched(address) + ' as ' + address.name;
	case INDEX:
		return '@' + address.type + '[' + address.name + ']';
	case ALL:
		return address.type ? '@' + address.type + '[*]' : '*';
	default:
		return address.name;
	}
}

/* An address in words. */
function told(address) {
	const conditions = address.conditions.map(one => widgets.filled(_('%s is %s'), one.option, one.value)).join(_(' and '));
	const those = conditions ? widgets.filled(_('%s in which %s'), address.type, conditions) : address.type;
	switch (address.how) {
	case MATCH:
		return those;
	case EACH:
		return widgets.filled(_('each %s, called %s'), those, address.name);
	case INDEX:
		return widgets.filled(_('%s at place %s'), address.type, address.name);
	case ALL:
		return address.type ? widgets.filled(_('all of type %s'), address.type) : _('all sections');
	default:
		return address.name;
	}
}

function input(id, given) {
	return E('input', Object.assign({ id: id, 'class': 'cbi-input-text', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off' }, given));
}

/* Fields that have to be filled in, or somebody is told which. */
function wanted(field, text) {
	const value = field.value.trim();
	if (!value) {
		field.focus();
		throw new Error(text);
	}
	return value;
}

/* Options and the values by which a section is found: as many rows as somebody adds. */
function conditions(id) {
	const rows = E('div', {});
	const add = (option, value) => {
		const number = rows.childElementCount + 1;
		const row = E('div', { 'class': 'dusk-condition' }, [
			input(`${id}-option-${number}`, { 'aria-label': widgets.filled(_('Option %d by which it is found'), number), placeholder: _('option'), value: option }),
			E('span', {}, _('is')),
			input(`${id}-is-${number}`, { 'aria-label': widgets.filled(_('Value %d by which it is found'), number), placeholder: _('value'), value: value })
		]);
		rows.appendChild(row);
		return row;
	};
	const more = widgets.button(_('One more condition'), '', () => add('', '').querySelector('input').focus());
	return {
		node: E('div', {}, [ rows, more ]),
		fill: found => {
			nodes.fill(rows, []);
			(found.length ? found : [ { option: '', value: '' } ]).forEach(one => add(one.option, one.value));
		},
		given: () => Array.from(rows.children).map(row => Array.from(row.querySelectorAll('input'))).filter(pair => pair[0].value.trim())
			.map(pair => ({ option: pair[0].value.trim(), value: pair[1].value }))
	};
}

return baseclass.extend({
	written: written,
	told: told,
	input: input,
	wanted: wanted,

	/* Fields of one address. `hows` are the ways that are offered; `changed` is called when another one is chosen. */
	fields: function(id, title, hows, changed) {
		const how = widgets.select(id + '-how', hows.map(one => [ one, HOWS.get(one) ]));
		const type = input(id + '-type'), name = input(id + '-name'), found = conditions(id);
		const called = input(id + '-as', { maxlength: '16' });
		const place = input(id + '-place', { type: 'number', value: '0' });
		const path = input(id + '-path', { placeholder: '/etc/banner' });
		const parts = [
			[ [ MATCH, EACH, INDEX, ALL ], widgets.field(_('Its type'), type, _('Such as wifi-iface, zone or rule.')) ],
			[ [ NAME ], widgets.field(_('Its name'), name) ],
			[ [ MATCH, EACH ], E('div', { 'class': 'cbi-value' }, [ E('span', { 'class': 'cbi-value-title' }, _('In which')), E('div', { 'class': 'cbi-value-field' }, found.node) ]) ],
			[ [ EACH ], widgets.field(_('Called'), called, _('A short name. Written as ${name} in a value, it stands for the name of each one that is found.')) ],
			[ [ INDEX ], widgets.field(_('Its place'), place, _('0 is the first of its type, -1 the last.')) ],
			[ [ FILE ], widgets.field(_('Its path'), path) ]
		];
		let tell = () => null;
		const show = () => {
			parts.forEach(pair => { pair[1].hidden = !pair[0].includes(how.value); });
			tell();
		};
		how.addEventListener('change', show);
		const fill = address => {
			how.value = address.how;
			type.value = address.type;
			name.value = address.how === NAME ? address.name : '';
			called.value = address.how === EACH ? address.name : '';
			place.value = address.how === INDEX ? address.name : '0';
			path.value = address.how === FILE ? address.name : '';
			found.fill(address.conditions);
			show();
		};
		fill({ how: hows[0], type: '', name: '', conditions: [] });
		tell = changed || tell;
		return {
			node: E('div', {}, [ widgets.field(title, how), parts.map(pair => pair[1]) ]),
			fill: fill,
			how: () => how.value,
			given: () => {
				const address = { how: how.value, type: '', name: '', conditions: [] };
				if ([ MATCH, EACH, INDEX ].includes(address.how))
					address.type = wanted(type, _('Say of which type the section is.'));
				if (address.how === ALL)
					address.type = type.value.trim();
				if ([ MATCH, EACH ].includes(address.how))
					address.conditions = found.given();
				if (address.how === MATCH && !address.conditions.length)
					wanted(found.node.querySelector('input'), _('Say by which option the section is found.'));
				if (address.how === NAME)
					address.name = wanted(name, _('Say what the section is called.'));
				if (address.how === EACH)
					address.name = wanted(called, _('Say what each one is called.'));
				if (address.how === INDEX)
					address.name = wanted(place, _('Say at which place the section is.'));
				if (address.how === FILE)
					address.name = wanted(path, _('Say which file it is.'));
				return address;
			}
		};
	}
});
