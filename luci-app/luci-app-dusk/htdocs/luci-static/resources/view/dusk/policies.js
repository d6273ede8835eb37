'use strict';
'require view';
'require dusk.address as address';
'require dusk.groups as grouping';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.policy as policy';
'require dusk.readers as readers';
'require dusk.variables as variables';
'require dusk.widgets as widgets';

/* Policies and groups: what is set, and for whom. */

const E = nodes.make;

/* For whom a policy is: all, groups and how many routers these are together, or routers. */
function applies(one) {
	const [ to, ...targets ] = one.to.split(' ');
	switch (to) {
	case 'all':
		return _('all routers');
	case 'nobody':
		return _('nobody yet');
	case 'groups':
		return [ _('groups'), ' ' ].concat(widgets.several(targets), ' (', widgets.filled(_('%d routers'), one.devices), ')');
	default:
		return widgets.several(targets);
	}
}

return view.extend({
	load: function() {
		return Promise.all([ lists.policies(), lists.groups(), lists.devices(), variables.load(), readers.load() ]).catch(error => error);
	},

	again: async function() {
		nodes.fill(this.place, this.shown(await this.load()));
	},

	shown: function(data) {
		if (data instanceof Error)
			return widgets.trouble(data);
		const [ policies, groups, devices, listed, reading ] = data;
		const name = E('input', { id: 'dusk-new-policy', 'class': 'cbi-input-text' });
		const place = E('div', {});
		const open = one => policy.open(place, one, groups, devices);
		return [
			widgets.table(_('Policies'), [ _('Policy'), _('Settings'), _('Applies to'), _('Priority') ], policies.map(one => [
				widgets.button(one.name, '', () => open(one)),
				String(one.settings),
				applies(one),
				one.priority === null ? '-' : String(one.priority)
			]), _('There is no policy yet.')),
			widgets.field(_('New policy'), name),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Open'), 'cbi-button-action', () => open({ name: address.wanted(name, _('Say what the policy is called.')), priority: null }))),
			place,
			grouping.shown(groups, devices),
			readers.shown(reading),
			variables.shown(listed, groups, devices)
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
