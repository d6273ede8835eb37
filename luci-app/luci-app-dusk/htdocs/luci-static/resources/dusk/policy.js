'use strict';
'require baseclass';
'require dusk.api as api';
'require dusk.address as address';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.setting as setting';
'require dusk.widgets as widgets';

/* What one policy says, by fields or as text, and for whom. */

const E = nodes.make;
const MEANWHILE = 'edited-meanwhile';
const ALL = 'all', GROUPS = 'groups', DEVICES = 'devices', NOBODY = 'nobody';

/* All that it says: with what this person has prepared, if he is logged in. With it, what the cluster takes for secrets. */
async function load(target) {
	const rows = [];
	let page = { more: 1 };
	while (page.more) {
		const given = { target: target, skip: rows.length };
		page = await session.quietly('draft_settings', given) || await api.call('settings_list', given);
		rows.push(...page.settings);
	}
	return { rows: rows, secrets: page.secrets };
}

/* --- as fields --------------------------------------------------------------------------------- */

function named(row) {
	return row.how === 'file' ? row.package : row.package + ': ' + address.told(row);
}

function actions(target, row, form, again) {
	const change = setting.isShown(row) ? widgets.button(_('Change'), '', () => form.fill(row, true)) : null;
	const out = widgets.button(_('Take out'), 'cbi-button-negative', async () => {
		const given = { target: target, verb: 'unset', edits: [ { key: row.key, values: [] } ], former: row.long ? undefined : row.text };
		if (widgets.told(await session.call('draft_edit', given)))
			await again();
	});
	out.setAttribute('aria-label', widgets.filled(_('Take out %s'), row.key));
	if (change)
		change.setAttribute('aria-label', widgets.filled(_('Change %s'), row.key));
	return E('div', { 'class': 'dusk-actions' }, [ change, out ]);
}

/* Settings of one section under its title. */
function section(target, rows, form, again) {
	const title = named(rows[0]);
	const more = [ 'all', 'file' ].includes(rows[0].how) ? null : widgets.button(_('Another option of it'), '', () => form.fill(rows[0], false));
	if (more)
		more.setAttribute('aria-label', widgets.filled(_('Another option of %s'), title));
	return E('section', { 'class': 'dusk-settings', 'aria-label': title }, [
		E('h4', {}, title),
		widgets.table(title, [ _('Option'), _('Says'), _('What to do') ], rows.map(row => [
			row.option || E('span', { 'class': 'dusk-quiet' }, _('itself')), row.says, actions(target, row, form, again)
		])),
		more
	]);
}

function sections(target, rows, form, again) {
	if (!rows.length)
		return E('p', { 'class': 'hint' }, _('It says nothing yet.'));
	const found = new Map();
	rows.forEach(row => {
		row.among = rows;
		found.set(setting.place(row), (found.get(setting.place(row)) || []).concat(row));
	});
	return Array.from(found.values(), some => section(target, some, form, again));
}

/* --- as text ----------------------------------------------------------------------------------- */

/* Lines that one text has and the other does not. */
function changes(former, now) {
	const [ before, after ] = [ former, now ].map(text => text.split('\n').filter(Boolean));
	return [].concat(before.filter(line => !after.includes(line)).map(line => '- ' + line),
		after.filter(line => !before.includes(line)).map(line => '+ ' + line)).join('\n');
}

async function text(target, place, again) {
	const shown = await session.call('draft_text', { target: target });
	if (!shown)
		return;
	let former = shown.text;
	const area = E('textarea', { id: 'dusk-text', spellcheck: 'false' });
	const wrong = E('div', { role: 'alert' });
	area.value = former;
	const send = async later => {
		nodes.fill(wrong, []);
		try {
			if (!widgets.told(await session.call('draft_import', { target: target, text: area.value, former: former, later: later })))
				return;
			former = area.value = (await session.call('draft_text', { target: target })).text;
			await again();
		}
		catch (error) {
			if (error.code !== MEANWHILE)
				throw error;
			const now = (await session.call('draft_text', { target: target })).text;
			nodes.fill(wrong, E('div', { 'class': 'alert-message warning' }, [
				E('p', {}, error.message), E('p', {}, _('Changed elsewhere since you began; what you typed is as it was:')),
				widgets.diff(changes(former, now)), widgets.button(_('Write mine over it'), 'cbi-button-negative', () => send(now))
			]));
		}
	};
	nodes.fill(place, [
		widgets.field(_('As text'), area, _('As `uci batch` reads it. Secrets are not shown; a line that stays as it is keeps them.')),
		wrong, E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare the text'), 'cbi-button-action', () => send()))
	]);
	area.focus();
}

/* --- for whom ---------------------------------------------------------------------------------- */

function assignment(policy, groups, devices) {
	const to = widgets.select('dusk-to', [ [ ALL, _('all routers') ], [ GROUPS, _('groups') ], [ DEVICES, _('routers by name') ], [ NOBODY, _('nobody') ] ]);
	const priority = E('input', { id: 'dusk-priority', 'class': 'cbi-input-text', type: 'number', min: '0', max: '999',
		value: policy.priority === null ? '100' : String(policy.priority) });
	const inGroups = widgets.choices(_('Groups'), groups.map(one => one.name));
	const byName = E('select', { id: 'dusk-for', 'class': 'cbi-input-select', multiple: '' }, devices.map(one => E('option', { value: one.name }, one.name)));
	const namesField = widgets.field(_('Routers'), byName), priorityField = widgets.field(_('Priority'), priority, _('Of several policies that say something of one setting, the highest counts.'));
	const groupsField = inGroups.node || E('p', { 'class': 'hint' }, _('There is no group yet.'));
	const show = () => {
		groupsField.hidden = to.value !== GROUPS;
		namesField.hidden = to.value !== DEVICES;
		priorityField.hidden = to.value === NOBODY;
	};
	to.addEventListener('change', show);
	show();
	return widgets.part(_('Who gets it'), [
		widgets.field(_('Applies to'), to), groupsField, namesField, priorityField,
		E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare who gets it'), 'cbi-button-action', async () => {
			if (to.value === NOBODY)
				return widgets.told(await session.call('policy_unassign', { name: policy.name }));
			const names = to.value === GROUPS ? inGroups.chosen() : to.value === DEVICES ? Array.from(byName.selectedOptions).map(one => one.value) : [];
			return widgets.told(await session.call('policy_assign', { name: policy.name, to: to.value, names: names, priority: Number(priority.value) }));
		}))
	]);
}

/* Renamed, it is shown by its new name: what is prepared from then on is about that. */
function naming(policy, renamed) {
	const name = address.input('dusk-policy-name', { maxlength: '63', value: policy.name });
	return [ widgets.field(_('Name'), name), E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare the name'), '', async () => {
		const wanted = address.wanted(name, _('Say what the policy is called.'));
		if (widgets.told(await session.call('policy_rename', { name: policy.name, new_name: wanted })))
			await renamed(wanted);
	})) ];
}

return baseclass.extend({
	/* One policy, with the keyboard at its title. `policy` has `name` and `priority`, null for one that is new. */
	open: async function(place, policy, groups, devices) {
		const target = 'policy/' + policy.name;
		const said = E('div', {}), asText = E('div', {});
		const again = async () => {
			const now = await load(target);
			nodes.fill(said, sections(target, now.rows, form, again));
			return now;
		};
		const first = await load(target);
		const form = setting.form(target, first, again);
		nodes.fill(said, sections(target, first.rows, form, again));
		nodes.fill(place, [
			E('h3', { tabindex: '-1', id: 'dusk-policy' }, widgets.filled(_('Policy %s'), policy.name)),
			said,
			widgets.part(_('Say something'), form.node),
			assignment(policy, groups, devices),
			naming(policy, name => this.open(place, Object.assign({}, policy, { name: name }), groups, devices)),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Edit as text'), '', () => text(target, asText, again)),
				widgets.button(_('Delete the policy'), 'cbi-button-negative', async () => {
					if (widgets.told(await session.call('policy_delete', { name: policy.name })))
						await again();
				})
			]),
			asText
		]);
		document.getElementById('dusk-policy').focus();
	}
});
