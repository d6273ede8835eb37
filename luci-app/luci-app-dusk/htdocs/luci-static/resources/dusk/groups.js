'use strict';
'require baseclass';
'require dusk.address as address';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* Which routers belong together: by somebody's word, and by what they say of themselves. */

const E = nodes.make;
const NAMELESS = _('Say what the group is called.');

/* By what a group takes routers in, a line each, as they are typed. */
function lines(group) {
	return group.selects.flatMap(one => one.values.map(value => one.fact + '=' + value));
}

function facts(text) {
	const found = new Map();
	for (const line of text.split('\n').map(one => one.trim()).filter(Boolean)) {
		const at = line.indexOf('=');
		if (at < 1)
			throw new Error(widgets.filled(_('%s: write FACT=VALUE in each line, such as bands=5g.'), line));
		const fact = line.slice(0, at);
		found.set(fact, (found.get(fact) || []).concat(line.slice(at + 1)));
	}
	return Array.from(found, ([ fact, values ]) => ({ fact: fact, values: values }));
}

/* Asks what routers have to say of themselves to be in a group. */
function choose(place, group) {
	const text = E('textarea', { id: 'dusk-facts', 'class': 'dusk-short', spellcheck: 'false', placeholder: 'bands=5g' });
	text.value = lines(group).join('\n');
	nodes.fill(place, widgets.part(widgets.filled(_('Who is in %s by what it is'), group.name), [
		widgets.field(_('Facts'), text, _('One a line, as the view of a router shows them; of one fact several values may be said. A router is in the group that has one of the values of each. Nothing: nobody is in it by that.')),
		E('div', { 'class': 'dusk-actions' }, [
			widgets.button(_('Prepare these facts'), 'cbi-button-action', async () => {
				if (widgets.told(await session.call('group_select', { name: group.name, facts: facts(text.value) })))
					nodes.fill(place, null);
			}),
			widgets.button(_('Cancel'), '', () => nodes.fill(place, null))
		])
	]));
	text.focus();
}

function named(title, group, kind, work) {
	const button = widgets.button(title, kind, work);
	button.setAttribute('aria-label', widgets.filled('%s: %s', title, group.name));
	return button;
}

function actions(group, place) {
	return E('div', { 'class': 'dusk-actions' }, [
		named(_('By facts…'), group, '', () => choose(place, group)),
		named(_('Delete'), group, 'cbi-button-negative', async () => widgets.told(await session.call('group_delete', { name: group.name })))
	]);
}

function form(groups, devices) {
	const name = address.input('dusk-new-group', { maxlength: '63' });
	const members = E('select', { id: 'dusk-members', 'class': 'cbi-input-select', multiple: '' },
		devices.map(device => E('option', { value: device.name }, device.name)));
	return [
		widgets.field(_('Group'), name),
		widgets.field(_('Routers'), members),
		E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare'), 'cbi-button-action', async () => {
			const group = address.wanted(name, NAMELESS), chosen = Array.from(members.selectedOptions, option => option.value);
			if (!groups.some(one => one.name === group) && !widgets.told(await session.call('group_create', { name: group })))
				return;
			if (chosen.length)
				widgets.told(await session.call('group_add', { name: group, devices: chosen }));
		}))
	];
}

return baseclass.extend({
	/* All groups, and what can be prepared with them. */
	shown: function(groups, devices) {
		const place = E('div', {});
		return [
			E('h3', {}, _('Groups')),
			widgets.table(_('Groups'), [ _('Group'), _('Routers'), _('By what they are'), _('What to do') ], groups.map(one => [
				one.name, widgets.several(one.devices), lines(one).join(', ') || '-', actions(one, place)
			]), _('There is no group yet.')),
			place,
			form(groups, devices)
		];
	}
});
