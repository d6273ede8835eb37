'use strict';
'require ui';
'require view';
'require dusk.api as api';
'require dusk.drift as drift';
'require dusk.health as health';
'require dusk.history as history';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.states as states';
'require dusk.widgets as widgets';

/* One router: what it is, what it has and why, what somebody changed there, and what can be done with it. */

const E = nodes.make;
const HOLDS = [ [ 3600, _('one hour') ], [ 28800, _('8 hours') ], [ 0, _('until somebody ends it') ] ];
const HELD = 'held', FAILED = 'failed';
const ALARMS = new Map([
	[ 'drift', _('Somebody changed by hand what is managed here.') ],
	[ 'drift-fight', _('Something here changes back what is managed, again and again; it is left until a person decides.') ]
]);
/* What a router is from its birth on, and what nobody edits. */
const BORN_WITH = [ 'key', 'label', 'origin' ];

function facts(device) {
	const groups = device.groups.concat(device.groups_by_facts.map(name => widgets.filled(_('%s (by what it is)'), name)));
	return widgets.facts([
		[ _('Role'), widgets.role(device.role) ],
		[ _('Groups'), groups.join(', ') || '-' ],
		[ _('Policies'), device.policies.join(', ') || '-' ],
		[ _('In effect'), widgets.filled(_('version %d'), device.applied) ],
		[ _('State'), states.applying(device.apply) ],
		[ _('Heard'), device.online ? _('now') : widgets.ago(device.seen_s_ago) ]
	]);
}

/* What it says of itself; groups may take it in by that. */
function told(device) {
	const names = Object.keys(device.facts);
	return names.length ? widgets.folded(_('What it says of itself'), widgets.table(_('What it says of itself'), [ _('Fact'), _('Value') ],
		names.map(name => [ name, device.facts[name] ]), '')) : null;
}

function alerts(device) {
	const line = (kind, text) => E('div', { 'class': 'alert-message ' + kind }, E('p', {}, widgets.words(text)));
	const why = device.apply === FAILED ? widgets.filled(_('It could not apply version %d: %s'), device.judged, device.reason) : device.reason;
	return [ device.alarms.map(word => line('danger', ALARMS.get(word) || String(word))), device.reason ? line('warning', why) : null ];
}

function variables(device) {
	const names = Object.keys(device.variables);
	return names.length ? widgets.part(_('Variables of its own'), widgets.table(_('Variables'), [ _('Name'), _('Value') ],
		names.map(name => [ name, [].concat(device.variables[name]).join(', ') ]))) : null;
}

function why(option) {
	return (option.origins || []).map(origin => {
		const groups = origin.groups.length ? widgets.filled(_(' by group %s'), origin.groups.join(', ')) : '';
		const used = origin.variables.map(variable => '${' + variable.name + '} ' + variable.of).join(', ');
		return origin.section + groups + (used ? ', ' + used : '');
	}).join('; ');
}

function text(option) {
	return option.values ? option.values.join(', ') : option.value === null ? _('must not be there') : option.value;
}

/* A secret is masked until somebody asks for this one, and again when he has seen it. */
function secret(device, option) {
	const place = E('span', {});
	const masked = () => nodes.fill(place, [ E('span', { 'class': 'dusk-quiet' }, _('secret')), ' ', show ]);
	const show = widgets.button(_('Show'), '', async () => {
		const said = await session.call('effective_reveal', { device: device.name, key: option.key, reveal: true });
		const found = said && said.options.find(one => one.key === option.key);
		if (found)
			nodes.fill(place, [ E('code', {}, text(found)), ' ', widgets.button(_('Hide'), '', masked) ]);
	});
	show.setAttribute('aria-label', widgets.filled(_('Show %s'), option.key));
	masked();
	return place;
}

function settings(device, effective) {
	const title = _('What it has, and why');
	if (effective instanceof Error)
		return widgets.part(title, widgets.trouble(effective));
	const table = widgets.table(_('Settings'), [ _('Setting'), _('Value'), _('Why') ],
		effective.options.map(option => [ option.key, option.secret ? secret(device, option) : text(option), why(option) ]),
		_('Nothing is managed here.'));
	return widgets.part(title, table);
}

function blame(listed) {
	const rows = listed instanceof Error ? [] : listed.records.filter(row => !BORN_WITH.includes(row.item));
	if (!rows.length)
		return null;
	return widgets.part(_('What is its own, and who said so'), widgets.table(_('Its own'), [ _('What'), _('Says'), _('Version'), _('Who'), _('Why') ],
		rows.map(row => [
			row.item, widgets.orNothing(row.says), String(row.seq), row.author || '-', row.message || '-'
		])));
}

/* What is installed on it, as it says itself. */
function installed(told) {
	const rows = told.packages.map(one => [ one.name, one.version ]), left = told.count - rows.length;
	return widgets.part(_('Packages'), [
		E('p', { 'class': 'hint' }, [
			widgets.filled(told.count === 1 ? _('%d package.') : _('%d packages.'), told.count),
			left ? ' ' + widgets.filled(_('%d of them had no room in its answer.'), left) : null,
			' ', widgets.filled(_('Where the same are installed, the same hash is told: %s.'), told.hash)
		]),
		widgets.table(_('Packages'), [ _('Package'), _('Version') ], rows, _('Nothing is installed there, it says.'))
	]);
}

function asked(method, given) {
	return api.call(method, given).catch(error => error);
}

return view.extend({
	load: async function() {
		const name = widgets.shown();
		await api.refresh();
		if (!name)
			return { name: name, said: await lists.devices().catch(error => error) };
		const past = history.of(name, () => this.again());
		return { name: name, said: await Promise.all([
			api.call('device_show', { name: name }),
			asked('effective', { device: name }),
			asked('log_blame', { target: 'device/' + name }),
			lists.groups(),
			lists.devices(),
			lists.pending(),
			past.load().then(page => { past.show(page); return past; })
		]).catch(error => error) };
	},

	/* Shows the router of this address. What is told of one that was left meanwhile, or was asked before, is not shown. */
	again: async function() {
		const turn = this.turn = (this.turn || 0) + 1, name = widgets.shown();
		if (name !== this.about) {
			this.about = name;
			nodes.fill(this.title, name || _('Routers'));
			nodes.fill(this.place, E('p', { 'class': 'spinning', role: 'status' }, _('Loading…')));
		}
		const data = await this.load();
		if (turn === this.turn)
			nodes.fill(this.place, this.shown(data.name, data.said));
	},

	/* Asks the router right now, and shows what `show` makes of the answer. */
	ask: async function(place, method, given, show) {
		nodes.fill(place, E('p', { 'class': 'spinning', role: 'status' }, _('It is being asked…')));
		try {
			const begun = await api.call(method, given);
			nodes.fill(place, show(await api.ticket(begun.ticket)));
		}
		catch (error) {
			nodes.fill(place, widgets.trouble(error));
		}
	},

	/* What ends connections for a while is asked first, by the router's name. */
	restart: async function(name) {
		if (await widgets.sure(widgets.filled(_('Restart %s?'), name),
			_('It is off for a minute or two, and so is the network of all who are connected to it.'), _('Restart')))
			await this.order(name, { order: 'reboot' }, _('%s restarts.'));
	},

	/* Sends the router an order, and says that it was taken. */
	order: async function(name, given, said) {
		if (await session.act('device_order', Object.assign({ name: name }, given)))
			widgets.tell(widgets.filled(said, name), 'success');
	},

	health: function(name, place) {
		return this.ask(place, 'device_health', { name: name },
			said => widgets.table(_('Health'), [ _('What'), _('Says') ], health.rows(said), _('It says nothing.')));
	},

	packages: function(name, place) {
		return this.ask(place, 'device_packages', { name: name }, installed);
	},

	drift: function(device, place) {
		return this.ask(place, 'drift_ask', { device: device.name }, said => drift.shown(device, said,
			() => this.order(device.name, { order: 'revert' }, _('%s puts it back.')), () => this.again()));
	},

	/* --- what can be done with it ----------------------------------------------------------- */

	act: async function(method, given) {
		const isDone = widgets.told(await session.act(method, given));
		if (isDone)
			await this.again();
		return isDone;
	},

	/* Renamed, it is at another address of this view. */
	name: function(device) {
		const name = E('input', { id: 'dusk-name', 'class': 'cbi-input-text', value: device.name, spellcheck: 'false' });
		return [ widgets.field(_('Name'), name), E('div', { 'class': 'dusk-actions' }, widgets.button(_('Rename'), '', async () => {
			if (widgets.told(await session.act('device_rename', { name: device.name, new_name: name.value.trim() })))
				location.hash = '#' + encodeURIComponent(name.value.trim());
		})) ];
	},

	groups: function(device, groups) {
		const boxes = groups.map((group, index) => widgets.checkbox('dusk-in-' + index, group.name, device.groups.includes(group.name)));
		if (!boxes.length)
			return null;
		return [ E('fieldset', {}, [ E('legend', {}, _('Groups')), boxes ]),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare its groups'), '', async () => {
				for (const [ index, group ] of groups.entries()) {
					const isOn = boxes[index].querySelector('input').checked;
					if (isOn !== device.groups.includes(group.name))
						if (!widgets.told(await session.call(isOn ? 'group_add' : 'group_remove', { name: group.name, devices: [ device.name ] })))
							return;
				}
			})) ];
	},

	hold: function(device) {
		if (device.apply === HELD)
			return E('div', { 'class': 'dusk-actions' }, widgets.button(_('Let it go on'), '',
				() => this.order(device.name, { order: 'unhold' }, _('%s goes on.'))));
		const time = widgets.select('dusk-hold', HOLDS);
		return [ widgets.field(_('Change nothing there for'), time), E('div', { 'class': 'dusk-actions' }, widgets.button(_('Hold it'), '',
			() => this.order(device.name, { order: 'hold', for_s: Number(time.value) },
				Number(time.value) ? _('%s changes nothing for a while.') : _('%s changes nothing until somebody ends it.')))) ];
	},

	replace: function(device, devices, pending) {
		const others = (members, waiting) => waiting.map(one => [ one.id, widgets.filled(_('%s, which waits'), one.name || one.label || one.id) ]).concat(
			members.filter(one => one.name !== device.name).map(one => [ one.name, one.name ]));
		if (!others(devices, pending).length)
			return null;
		const by = widgets.select('dusk-replace', others(devices, pending), async () => others(await lists.devices(), await lists.pending()));
		return [ widgets.field(_('Other hardware'), by, _('It gets name, groups and settings; this one is removed.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Replace'), 'cbi-button-negative', async () => {
				const chosen = by.selectedOptions[0].textContent;
				if (await widgets.sure(_('Replace it?'), widgets.filled(_('%s takes the place of %s, which is removed.'), chosen, device.name), _('Replace')))
					await this.act('device_replace', { old: device.name, new: by.value });
			})) ];
	},

	remove: function(device) {
		return E('div', { 'class': 'dusk-actions' }, widgets.button(_('Remove it'), 'cbi-button-negative', () => {
			const wipe = widgets.checkbox('dusk-wipe', _('Take managed secrets off its files, too: now, or when it comes back. The rest stays.'));
			widgets.dialog(widgets.filled(_('Remove %s?'), device.name), [
				E('p', {}, _('It belongs to the cluster no more, and gets no change. To come back it has to join anew.')), E('p', {}, wipe)
			], widgets.button(_('Remove'), 'cbi-button-negative', async () => {
				const isWiped = wipe.querySelector('input').checked;
				ui.hideModal();
				if (widgets.told(await session.act('device_remove', { names: [ device.name ], wipe_managed: isWiped })))
					location.hash = '#';
			}));
		}));
	},

	manage: function(device, groups, devices, pending) {
		return widgets.part(_('Change it'), [
			this.name(device), this.groups(device, groups), this.hold(device), this.replace(device, devices, pending), this.remove(device)
		]);
	},

	/* --- all of it -------------------------------------------------------------------------- */

	one: function([ device, effective, blamed, groups, devices, pending, past ]) {
		const place = E('div', {});
		return [
			alerts(device),
			facts(device),
			told(device),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Ask how it is'), '', () => this.health(device.name, place)),
				widgets.button(_('What is installed?'), '', () => this.packages(device.name, place)),
				widgets.button(_('What was changed by hand?'), '', () => this.drift(device, place)),
				widgets.button(_('Let its light blink'), '', () => this.order(device.name, { order: 'locate' }, _('%s blinks for a minute.'))),
				widgets.button(_('Restart it'), 'cbi-button-negative', () => this.restart(device.name))
			]),
			place,
			settings(device, effective),
			variables(device),
			blame(blamed),
			this.manage(device, groups, devices, pending),
			widgets.part(_('What changed it'), [
				E('p', { 'class': 'hint' }, _('Versions that changed its own settings, or what it has by policies, groups and variables.')), past.node
			])
		];
	},

	shown: function(name, said) {
		if (said instanceof Error)
			return [ widgets.trouble(said), name ? E('p', {}, E('a', { href: '#' }, _('All routers'))) : null ];
		if (!name)
			return E('ul', {}, said.map(device => E('li', {}, E('a', { href: widgets.href('device', device.name) }, device.name))));
		return this.one(said);
	},

	render: function(data) {
		this.about = data.name;
		this.title = E('h2', {}, data.name || _('Routers'));
		this.place = E('div', {}, this.shown(data.name, data.said));
		window.addEventListener('hashchange', () => this.again());
		if (data.name !== widgets.shown())
			this.again();
		return E('div', {}, [ this.title, this.place ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
