'use strict';
'require view';
'require dusk.api as api';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.variables as variables';
'require dusk.widgets as widgets';

/* Policies and groups: what is set, and for whom. */

const E = nodes.make;
const VERBS = [
	[ 'set', _('is') ],
	[ 'delete', _('must not be there') ],
	[ 'unset', _('is no longer managed') ],
	[ 'add-list', _('has among its list') ],
	[ 'del-list', _('does not have in its list') ]
];

return view.extend({
	load: function() {
		return Promise.all([ api.call('policy_list'), api.call('group_list'), lists.devices(), variables.load() ]).catch(error => error);
	},

	again: async function() {
		nodes.fill(this.place, this.shown(await this.load()));
	},

	/* --- one policy ----------------------------------------------------------------------------- */

	editor: function(name, groups) {
		const key = E('input', { id: 'dusk-key', 'class': 'cbi-input-text', placeholder: 'wireless.default_radio0.ssid', spellcheck: 'false' });
		const verb = E('select', { id: 'dusk-verb', 'class': 'cbi-input-select' }, VERBS.map(pair => E('option', { value: pair[0] }, pair[1])));
		const value = E('input', { id: 'dusk-value', 'class': 'cbi-input-text', autocomplete: 'off', spellcheck: 'false' });
		const to = E('select', { id: 'dusk-to', 'class': 'cbi-input-select' },
			[ E('option', { value: '' }, _('all routers')) ].concat(groups.map(group => E('option', { value: group.name }, widgets.filled(_('group %s'), group.name)))));
		return E('div', { 'class': 'cbi-section' }, [
			widgets.field(_('Setting'), key, _('Package, section and option, as in UCI.')),
			widgets.field(_('It'), verb),
			widgets.field(_('Value'), value, _('${name} stands for a variable of the router, its group or the cluster.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare'), 'cbi-button-action', async () => {
				const values = verb.value === 'set' || verb.value.endsWith('-list') ? [ value.value ] : [];
				widgets.told(await session.call('draft_edit', { target: 'policy/' + name, verb: verb.value, edits: [ { key: key.value.trim(), values: values } ] }));
			})),
			widgets.field(_('Applies to'), to),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare'), 'cbi-button-action', async () => {
				widgets.told(await session.call('policy_assign', to.value
					? { name: name, to: 'groups', names: [ to.value ] } : { name: name, to: 'all', names: [] }));
			}))
		]);
	},

	text: async function(name, place) {
		const shown = await session.call('draft_text', { target: 'policy/' + name });
		if (!shown)
			return;
		const area = E('textarea', { id: 'dusk-text', spellcheck: 'false' });
		area.value = shown.text;
		nodes.fill(place, [
			widgets.field(_('As text'), area, _('As `uci batch` reads it. Secrets are not shown; a line that stays as it is keeps them.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare'), 'cbi-button-action', async () => {
				widgets.told(await session.call('draft_import', { target: 'policy/' + name, text: area.value, former: shown.text }));
			}))
		]);
		area.focus();
	},

	open: async function(name, groups) {
		const policy = await api.call('policy_show', { name: name }).catch(error => {
			if (error.code !== 'no-policy')
				throw error;
			return { options: [] };
		});
		const text = E('div', {});
		nodes.fill(this.one, [
			E('h3', { tabindex: '-1', id: 'dusk-policy' }, widgets.filled(_('Policy %s'), name)),
			widgets.table(_('Settings'), [ _('Setting'), _('Says') ], policy.options.map(option => [ option.key, option.says ]),
				_('It says nothing yet.')),
			this.editor(name, groups),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Edit as text'), '', () => this.text(name, text)),
				widgets.button(_('Delete the policy'), 'cbi-button-negative', async () => widgets.told(await session.call('policy_delete', { name: name })))
			]),
			text
		]);
		document.getElementById('dusk-policy').focus();
	},

	/* --- all of them ---------------------------------------------------------------------------- */

	shown: function(data) {
		if (data instanceof Error)
			return widgets.trouble(data);
		const [ policies, groups, devices, listed ] = data;
		const name = E('input', { id: 'dusk-new-policy', 'class': 'cbi-input-text' });
		const group = E('input', { id: 'dusk-new-group', 'class': 'cbi-input-text' });
		const members = E('select', { id: 'dusk-members', 'class': 'cbi-input-select', multiple: '' },
			devices.map(device => E('option', { value: device.name }, device.name)));
		this.one = E('div', {});
		return [
			widgets.table(_('Policies'), [ _('Policy'), _('Settings'), _('Applies to'), _('Priority') ], policies.policies.map(policy => [
				widgets.button(policy.name, '', () => this.open(policy.name, groups.groups)),
				String(policy.settings),
				policy.to ? (policy.names && policy.names.length ? policy.names.join(', ') : policy.to) : _('nobody yet'),
				policy.priority === null ? '-' : String(policy.priority)
			]), _('There is no policy yet.')),
			widgets.field(_('New policy'), name),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Open'), 'cbi-button-action', () => this.open(name.value.trim(), groups.groups))),
			this.one,
			E('h3', {}, _('Groups')),
			widgets.table(_('Groups'), [ _('Group'), _('Routers') ], groups.groups.map(one => [ one.name, one.devices.join(', ') || '-' ]),
				_('There is no group yet.')),
			widgets.field(_('Group'), group),
			widgets.field(_('Routers'), members),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare'), 'cbi-button-action', async () => {
				const chosen = Array.from(members.selectedOptions).map(option => option.value);
				if (!groups.groups.some(one => one.name === group.value.trim()))
					widgets.told(await session.call('group_create', { name: group.value.trim() }));
				if (chosen.length)
					widgets.told(await session.call('group_add', { name: group.value.trim(), devices: chosen }));
			})),
			variables.shown(listed, groups.groups, devices)
		];
	},

	render: function(data) {
		this.place = E('div', {}, this.shown(data));
		return E('div', {}, [
			E('h2', {}, _('Policies')),
			E('p', { 'class': 'cbi-map-descr' }, [
				_('What you prepare here is sent by nobody but you, under '), E('a', { href: widgets.href('edits') }, _('Edits')), '.'
			]),
			this.place
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
