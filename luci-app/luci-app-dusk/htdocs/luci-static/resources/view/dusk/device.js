'use strict';
'require dom';
'require view';
'require dusk.api as api';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* One router: what it is, what it has and why, what somebody changed there. */

function facts(device) {
	const rows = [
		[ _('Role'), device.role ],
		[ _('Groups'), device.groups.join(', ') || '-' ],
		[ _('In effect'), String(device.applied) ],
		[ _('Heard'), device.online ? _('now') : widgets.ago(device.seen_s_ago) ]
	];
	return E('dl', { 'class': 'dusk-facts' }, rows.map(pair => E('div', {}, [ E('dt', {}, pair[0]), E('dd', {}, pair[1]) ])));
}

function why(option) {
	return (option.origins || []).map(origin => {
		const groups = origin.groups.length ? _(' by group %s').replace('%s', origin.groups.join(', ')) : '';
		const variables = origin.variables.map(variable => '${' + variable.name + '} ' + variable.of).join(', ');
		return origin.section + groups + (variables ? ', ' + variables : '');
	}).join('; ');
}

function value(option) {
	if (option.secret)
		return E('span', { 'class': 'dusk-quiet' }, _('secret'));
	return option.values ? option.values.join(', ') : option.value === null ? _('must not be there') : option.value;
}

return view.extend({
	load: function() {
		const name = widgets.shown();
		if (!name)
			return api.call('device_list').catch(error => error);
		return Promise.all([ api.call('device_show', { name: name }), api.call('effective', { device: name }) ]).catch(error => error);
	},

	/* Asks the router right now, and shows what `show` makes of the answer. */
	ask: async function(place, method, given, show) {
		dom.content(place, E('p', { 'class': 'spinning' }, _('It is being asked…')));
		try {
			const begun = await api.call(method, given);
			dom.content(place, show(await api.ticket(begun.ticket)));
		}
		catch (error) {
			dom.content(place, widgets.trouble(error));
		}
	},

	/* Sends the router an order, and says that it was taken. */
	order: async function(name, order, text) {
		if (await session.act('device_order', { name: name, order: order }))
			widgets.tell(text.replace('%s', name), 'success');
	},

	health: function(name, place) {
		return this.ask(place, 'device_health', { name: name }, said => {
			const found = said.health || said;
			const rows = Object.keys(found).map(key => [ key, typeof found[key] === 'object' ? JSON.stringify(found[key]) : String(found[key]) ]);
			return widgets.table(_('Health'), [ _('What'), _('Says') ], rows, _('It says nothing.'));
		});
	},

	drift: function(name, place) {
		return this.ask(place, 'drift_ask', { device: name }, said => [
			widgets.table(_('Changed by hand'), [ _('Setting'), _('Should be'), _('Is') ],
				said.drift.map(one => [ one.key, one.wanted === null ? '-' : String(one.wanted), one.found === null ? '-' : String(one.found) ]),
				_('Nobody has changed there what is managed.')),
			said.drift.length ? widgets.button(_('Put it back'), 'cbi-button-action',
				() => this.order(name, 'revert', _('%s puts it back.'))) : null
		]);
	},

	one: function(device, effective) {
		const place = E('div', {});
		return [
			device.alarms && device.alarms.length ? E('div', { 'class': 'alert-message danger' }, E('ul', {}, device.alarms.map(text => E('li', {}, String(text))))) : null,
			device.reason ? E('div', { 'class': 'alert-message warning' }, E('p', {}, device.reason)) : null,
			facts(device),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Ask how it is'), '', () => this.health(device.name, place)),
				widgets.button(_('What was changed by hand?'), '', () => this.drift(device.name, place)),
				widgets.button(_('Let its light blink'), '', () => this.order(device.name, 'locate', _('%s blinks for a minute.'))),
				widgets.button(_('Restart it'), 'cbi-button-negative', () => this.order(device.name, 'reboot', _('%s restarts.')))
			]),
			place,
			E('h3', {}, _('What it has, and why')),
			widgets.table(_('Settings'), [ _('Setting'), _('Value'), _('Why') ],
				effective.options.map(option => [ option.key, value(option), why(option) ]), _('Nothing is managed here.'))
		];
	},

	shown: function(data) {
		if (data instanceof Error)
			return widgets.trouble(data);
		if (!Array.isArray(data))
			return E('ul', {}, data.devices.map(device => E('li', {}, E('a', { href: widgets.href('device', device.name) }, device.name))));
		return this.one(data[0], data[1]);
	},

	render: function(data) {
		const title = E('h2', {}, widgets.shown() || _('Routers'));
		const place = E('div', {}, this.shown(data));
		window.addEventListener('hashchange', async () => {
			dom.content(title, widgets.shown() || _('Routers'));
			dom.content(place, this.shown(await this.load()));
		});
		return E('div', {}, [ title, place ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
