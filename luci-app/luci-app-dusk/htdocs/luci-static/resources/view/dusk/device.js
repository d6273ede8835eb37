'use strict';
'require poll';
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
const SECONDS = 5;
const NO_DEVICE = 'no-device';
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
	return [
		[ _('Role'), widgets.role(device.role) ],
		[ _('Groups'), groups.join(', ') || '-' ],
		[ _('Policies'), device.policies.join(', ') || '-' ],
		[ _('In effect'), widgets.filled(_('version %d'), device.applied) ],
		[ _('State'), states.applying(device.apply) ],
		[ _('Heard'), device.online ? _('now') : widgets.ago(device.seen_s_ago) ]
	];
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

/* A secret is masked until somebody asks for this one, and again when he has seen it, or there is a newer version. */
function secret(name, option) {
	const place = E('span', {});
	const masked = () => nodes.fill(place, [ E('span', { 'class': 'dusk-quiet' }, _('secret')), ' ', show ]);
	const show = widgets.button(_('Show'), '', async () => {
		const said = await session.call('effective_reveal', { device: name, key: option.key, reveal: true });
		const found = said && said.options.find(one => one.key === option.key);
		if (found)
			nodes.fill(place, [ E('code', {}, text(found)), ' ', widgets.button(_('Hide'), '', masked) ]);
	});
	show.setAttribute('aria-label', widgets.filled(_('Show %s'), option.key));
	masked();
	return place;
}

/* What it has, as rows of a table that is shown again and again. */
function settings(name, effective) {
	return effective.options.map(option => ({
		key: option.key,
		says: [ option.key, option.secret ? [ name, effective.head ] : text(option), why(option) ],
		cells: () => [ option.key, option.secret ? secret(name, option) : text(option), why(option) ]
	}));
}

/* What is its own, and who said so: the same. */
function blame(listed) {
	return listed.records.filter(row => !BORN_WITH.includes(row.item)).map(row => {
		const says = [ row.item, row.says, String(row.seq), row.author || '-', row.message || '-' ];
		return { key: row.where + ' ' + row.item, says: says, cells: () => [ says[0], widgets.orNothing(row.says), ...says.slice(2) ] };
	});
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
		this.begin(widgets.shown());
		await api.refresh();
		return this.asked(this.about).catch(error => error);
	},

	/* From now on it is about the router of this name, or without one about all; nothing is known of it yet. */
	begin: function(name) {
		this.about = name;
		this.device = this.seq = null;
		this.past = history.of(() => this.about, () => this.anew());
	},

	/* Who is asked for by a name that is nobody's any more may have another one by now. */
	found: function(name) {
		return api.call('device_show', { name: name }).catch(error => {
			if (error.code !== NO_DEVICE || !this.device)
				throw error;
			return api.call('device_show', { name: this.device.id });
		});
	},

	/* What changes at any time, and what does with a version alone: that is asked for where there is a newer one. */
	asked: async function(name) {
		if (!name)
			return { all: await lists.devices() };
		const now = () => Promise.all([ this.found(name), api.call('status'), lists.pending() ]);
		const more = one => Promise.all([
			asked('effective', { device: one }), asked('log_blame', { target: 'device/' + one }), lists.groups(), lists.devices(), this.past.load(one)
		]);
		if (!this.device) {
			const [ first, rest ] = await Promise.all([ now(), more(name) ]);
			return { now: first, more: rest };
		}
		const said = await now();
		return { now: said, more: said[1].head.seq === this.seq ? null : await more(said[0].name) };
	},

	/* Shows how it is by now. What is told of one that was left meanwhile, or was asked before, is not shown. */
	again: async function() {
		const turn = this.turn = (this.turn || 0) + 1, name = widgets.shown();
		if (name !== this.about) {
			this.begin(name);
			this.build();
		}
		const said = await this.asked(name).catch(error => error);
		if (turn === this.turn)
			this.show(said);
	},

	/* The same, whatever version is shown. */
	anew: function() {
		this.seq = null;
		return this.again();
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
			() => this.order(device.name, { order: 'revert' }, _('%s puts it back.')), () => this.anew()));
	},

	/* --- what can be done with it ----------------------------------------------------------- */

	act: async function(method, given) {
		const isDone = widgets.told(await session.act(method, given));
		if (isDone)
			await this.anew();
		return isDone;
	},

	/* Renamed, it is at another address of this view. */
	name: function() {
		const name = E('input', { id: 'dusk-name', 'class': 'cbi-input-text', value: this.about, spellcheck: 'false' });
		return [ widgets.field(_('Name'), name), E('div', { 'class': 'dusk-actions' }, widgets.button(_('Rename'), '', async () => {
			const wanted = name.value.trim();
			if (widgets.told(await session.act('device_rename', { name: this.about, new_name: wanted })))
				location.hash = '#' + encodeURIComponent(wanted);
		})) ];
	},

	/* A box has an id of its group's name, for it stays with that when there are more groups. */
	groups: function(groups) {
		const id = group => 'dusk-in-' + Array.from(group.name, letter => letter.codePointAt(0).toString(16)).join('-');
		const isIn = group => this.device.groups.includes(group.name);
		if (!groups.length)
			return null;
		return [ E('fieldset', {}, [ E('legend', {}, _('Groups')), groups.map(group => widgets.checkbox(id(group), group.name, isIn(group))) ]),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Prepare its groups'), '', async () => {
				for (const group of groups) {
					const isOn = document.getElementById(id(group)).checked;
					if (isOn !== isIn(group))
						if (!widgets.told(await session.call(isOn ? 'group_add' : 'group_remove', { name: group.name, devices: [ this.about ] })))
							return;
				}
			})) ];
	},

	hold: function(isHeld) {
		if (isHeld)
			return E('div', { 'class': 'dusk-actions' }, widgets.button(_('Let it go on'), '',
				() => this.order(this.about, { order: 'unhold' }, _('%s goes on.'))));
		const time = widgets.select('dusk-hold', HOLDS);
		return [ widgets.field(_('Change nothing there for'), time), E('div', { 'class': 'dusk-actions' }, widgets.button(_('Hold it'), '',
			() => this.order(this.about, { order: 'hold', for_s: Number(time.value) },
				Number(time.value) ? _('%s changes nothing for a while.') : _('%s changes nothing until somebody ends it.')))) ];
	},

	/* Who can take its place. */
	others: function(members, waiting) {
		return waiting.map(one => [ one.id, widgets.filled(_('%s, which waits'), one.name || one.label || one.id) ]).concat(
			members.filter(one => one.name !== this.about).map(one => [ one.name, one.name ]));
	},

	replace: function(others) {
		if (!others.length)
			return null;
		const by = widgets.select('dusk-replace', others, async () => this.others(await lists.devices(), await lists.pending()));
		return [ widgets.field(_('Other hardware'), by, _('It gets name, groups and settings; this one is removed.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Replace'), 'cbi-button-negative', async () => {
				const chosen = by.selectedOptions[0].textContent, old = this.about;
				if (await widgets.sure(_('Replace it?'), widgets.filled(_('%s takes the place of %s, which is removed.'), chosen, old), _('Replace')))
					await this.act('device_replace', { old: old, new: by.value });
			})) ];
	},

	remove: function() {
		return E('div', { 'class': 'dusk-actions' }, widgets.button(_('Remove it'), 'cbi-button-negative', () => {
			const wipe = widgets.checkbox('dusk-wipe', _('Take managed secrets off its files, too: now, or when it comes back. The rest stays.'));
			const name = this.about;
			widgets.dialog(widgets.filled(_('Remove %s?'), name), [
				E('p', {}, _('It belongs to the cluster no more, and gets no change. To come back it has to join anew.')), E('p', {}, wipe)
			], widgets.button(_('Remove'), 'cbi-button-negative', async () => {
				const isWiped = wipe.querySelector('input').checked;
				ui.hideModal();
				if (widgets.told(await session.act('device_remove', { names: [ name ], wipe_managed: isWiped })))
					location.hash = '#';
			}));
		}));
	},

	/* --- all of it -------------------------------------------------------------------------- */

	/* The places of what is shown of one router, in which nothing is touched but what has changed. */
	build: function() {
		for (const name of [ 'wrong', 'gone', 'alerts', 'facts', 'told', 'variables', 'name', 'groups', 'hold', 'replace', 'list' ])
			this[name + 'Place'] = E('div', {});
		const ask = E('div', {});
		this.toldFold = widgets.folded(_('What it says of itself'), this.toldPlace);
		this.settings = widgets.lasting(_('Settings'), [ _('Setting'), _('Value'), _('Why') ], _('Nothing is managed here.'));
		this.settingsWrong = E('div', {});
		this.blameWrong = E('div', {});
		this.blame = widgets.lasting(_('Its own'), [ _('What'), _('Says'), _('Version'), _('Who'), _('Why') ], _('Nothing is its own.'));
		this.here = E('div', {}, [
			this.alertsPlace, this.factsPlace, this.toldFold,
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Ask how it is'), '', () => this.health(this.about, ask)),
				widgets.button(_('What is installed?'), '', () => this.packages(this.about, ask)),
				widgets.button(_('What was changed by hand?'), '', () => this.drift(this.device, ask)),
				widgets.button(_('Let its light blink'), '', () => this.order(this.about, { order: 'locate' }, _('%s blinks for a minute.'))),
				widgets.button(_('Restart it'), 'cbi-button-negative', () => this.restart(this.about))
			]),
			ask,
			widgets.part(_('What it has, and why'), [ this.settingsWrong, this.settings.node ]),
			this.variablesPlace,
			this.blamePart = widgets.part(_('What is its own, and who said so'), [ this.blameWrong, this.blame.node ]),
			widgets.part(_('Change it'), [ this.namePlace, this.groupsPlace, this.holdPlace, this.replacePlace, this.remove() ])
		]);
		this.pastPart = widgets.part(_('What changed it'), [
			E('p', { 'class': 'hint' }, _('Versions that changed its own settings, or what it has by policies, groups and variables.')), this.past.node
		]);
		this.here.hidden = this.pastPart.hidden = true;
		this.wait = E('p', { 'class': 'spinning', role: 'status' }, _('Loading…'));
		nodes.fill(this.title, this.about || _('Routers'));
		nodes.fill(this.place, [ this.wait, this.wrongPlace, this.gonePlace, this.listPlace, this.here, this.pastPart ]);
	},

	/* Where nobody answers, what was shown stays, and so does what was typed. */
	show: function(said) {
		const wrong = said instanceof Error ? said.message : null;
		this.wait.remove();
		nodes.show(this.wrongPlace, wrong, () => wrong && [
			widgets.trouble(said), this.about ? E('p', {}, E('a', { href: '#' }, _('All routers'))) : null
		]);
		if (wrong)
			return;
		if (said.all)
			nodes.show(this.listPlace, said.all.map(device => device.name), () => E('ul', {}, said.all.map(device =>
				E('li', {}, E('a', { href: widgets.href('device', device.name) }, device.name)))));
		else
			this.one(said.now, said.more);
	},

	one: function([ device, status, pending ], more) {
		const before = this.device, former = this.about;
		this.device = device;
		if (before && before.id !== device.id) {
			this.begin(former);
			this.build();
			this.again();
			widgets.tell(widgets.filled(_('%s is other hardware by now.'), former), 'warning');
			return;
		}
		if (before && device.name !== former) {
			this.about = device.name;
			nodes.fill(this.title, device.name);
			window.history.replaceState(null, '', '#' + encodeURIComponent(device.name));
			widgets.tell(widgets.filled(_('%s is called %s by now.'), former, device.name), 'warning');
		}
		this.state(device);
		if (more)
			this.said(status.head.seq, more);
		this.change(device, pending);
	},

	/* How it is, and whether it is one of the cluster at all. */
	state: function(device) {
		nodes.show(this.gonePlace, [ device.retired, device.name ], () => device.retired ? E('div', { 'class': 'alert-message warning', role: 'alert' }, [
			E('p', {}, widgets.filled(_('%s was removed: it belongs to the cluster no more, and gets no change.'), device.name)),
			E('p', {}, E('a', { href: '#' }, _('All routers')))
		]) : null);
		this.here.hidden = device.retired;
		this.pastPart.hidden = false;
		nodes.show(this.alertsPlace, [ device.alarms, device.apply, device.judged, device.reason ], () => alerts(device));
		nodes.show(this.factsPlace, facts(device), () => widgets.facts(facts(device)));
		nodes.show(this.toldPlace, device.facts, () => widgets.table(_('What it says of itself'), [ _('Fact'), _('Value') ],
			Object.keys(device.facts).map(name => [ name, device.facts[name] ]), _('Nothing yet.')));
		nodes.show(this.variablesPlace, device.variables, () => variables(device));
	},

	/* What can be changed, as far as that depends on how it is. */
	change: function(device, pending) {
		const isHeld = device.apply === HELD;
		nodes.show(this.namePlace, device.name, () => this.name());
		nodes.show(this.holdPlace, isHeld, () => this.hold(isHeld));
		const others = this.others(this.members, pending);
		nodes.show(this.replacePlace, others.length > 0, () => this.replace(others));
		nodes.show(this.groupsPlace, [ this.all.map(group => group.name), device.groups ], () => this.groups(this.all));
	},

	/* What follows from a version of the log. */
	said: function(seq, [ effective, blamed, groups, devices, past ]) {
		const wrong = effective instanceof Error ? effective.message : null;
		this.seq = seq;
		nodes.show(this.settingsWrong, wrong, () => wrong && widgets.trouble(effective));
		this.settings.node.hidden = Boolean(wrong);
		if (!wrong)
			this.settings.show(settings(this.about, effective));
		const unsaid = blamed instanceof Error ? blamed.message : null, own = unsaid ? [] : blame(blamed);
		nodes.show(this.blameWrong, unsaid, () => unsaid && widgets.trouble(blamed));
		this.blame.node.hidden = Boolean(unsaid);
		this.blame.show(own);
		this.blamePart.hidden = !unsaid && !own.length;
		this.past.show(past);
		this.all = groups;
		this.members = devices;
	},

	render: function(data) {
		this.title = E('h2', {});
		this.place = E('div', {});
		this.build();
		this.show(data);
		poll.add(async () => {
			await api.refresh();
			await this.again();
		}, SECONDS);
		window.addEventListener('hashchange', () => this.again());
		if (this.about !== widgets.shown())
			this.again();
		return E('div', {}, [ this.title, this.place ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
