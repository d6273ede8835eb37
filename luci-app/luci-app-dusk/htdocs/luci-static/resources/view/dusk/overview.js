'use strict';
'require poll';
'require view';
'require dusk.api as api';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.picture as picture';
'require dusk.session as session';
'require dusk.start as start';
'require dusk.states as states';
'require dusk.widgets as widgets';

/* All routers at a look: who leads, who is behind, what is wrong. */

const E = nodes.make;
const SECONDS = 5;
/* As people count: ap-9 stands before ap-10. */
const COLLATOR = new Intl.Collator(undefined, { numeric: true });
const OUTSIDE = [ 'none', 'joining', 'pending' ];
/* What the daemon says of it on a terminal; here it is asked with a button. */
const NO_BACKUP = 'no backup: ';

/* How a router is: a kind of badge, and its words. */
function health(device, newest) {
	const state = states.of(device, newest), { kind, word } = states.ALL.get(state);
	return [ kind, state === states.DRIFT ? widgets.filled('%s: %d', word, device.drift) : word ];
}

function position(device, newest) {
	const behind = newest - (device.applied || 0);
	return behind > 0 ? widgets.filled(_('%d, %d behind'), device.applied || 0, behind) : String(device.applied);
}

function row(device, newest) {
	const state = health(device, newest), at = position(device, newest), heard = device.online ? _('now') : widgets.ago(device.seen_s_ago);
	return {
		key: device.id,
		says: [ device.name, device.role, state, at, heard ],
		cells: () => [
			E('a', { href: widgets.href('device', device.name) }, device.name),
			widgets.role(device.role),
			widgets.badge(state[0], state[1]),
			at,
			heard
		]
	};
}

function facts(status) {
	return [
		[ _('Cluster'), status.cluster ],
		[ _('Leads'), status.master || _('nobody is heard') ],
		[ _('Online'), widgets.filled(_('%d of %d'), status.online, status.members) ],
		[ _('Version'), String(status.head.seq) ]
	];
}

function lines(title, texts, kind) {
	if (!texts.length)
		return null;
	return E('div', { 'class': 'alert-message ' + kind }, [ E('h4', {}, title), E('ul', {}, texts.map(text => E('li', {}, widgets.words(text)))) ]);
}

/* Who waits for a person: new ones, and those that got back their place by themselves. */
function joins(pending, returned) {
	const texts = [
		pending ? widgets.filled(pending === 1 ? _('%d router waits to be let in.') : _('%d routers wait to be let in.'), pending) : null,
		returned ? widgets.filled(returned === 1 ? _('%d router came back by itself.') : _('%d routers came back by themselves.'), returned) : null
	].filter(Boolean);
	return texts.length ? E('div', { 'class': 'alert-message notice' }, E('p', {}, [ texts.join(' '), ' ', E('a', { href: widgets.href('join') }, _('Join')) ])) : null;
}

/* A router that is on its way into a cluster, or into a wrong one. `taken` is called once that is taken back. */
function entering(status, taken) {
	return E('div', { 'class': 'alert-message warning' }, [
		E('h4', {}, status.role === 'pending' ? _('This router waits to be let in') : _('This router is joining')),
		E('p', {}, status.reason || _('It looks for a router of the cluster.')),
		E('p', {}, widgets.filled(_('Its label: %s'), status.label || '-')),
		widgets.button(_('Take it back'), '', async () => {
			if (!await widgets.sure(_('Take the join back?'),
				_('The join key and all that was fetched with it go from this router, and nothing else. It can join again, or make a cluster.'), _('Take it back')))
				return;
			const begun = await api.call('join_cancel');
			await api.ticket(begun.ticket);
			await taken();
		})
	]);
}

return view.extend({
	load: function() {
		return Promise.all([ api.call('status'), lists.devices().catch(error => error), lists.pending().catch(error => error) ]).catch(error => error);
	},

	again: async function() {
		this.show(await this.load());
	},

	/* Asks who takes over if the leader fails, as long as nobody does. */
	askBackup: function(devices) {
		const candidates = () => this.devices.filter(device => device.role === 'member')
			.sort((a, b) => b.online - a.online || COLLATOR.compare(a.name, b.name)).map(device => [ device.name, device.name ]);
		const isThere = devices.some(device => device.role === 'backupMaster'), others = candidates();
		nodes.show(this.backupPlace, [ isThere, isThere || !others.length ], () => isThere ? null : E('div', { 'class': 'alert-message warning' }, [
			E('h4', {}, _('Nobody takes over if the leader fails')),
			others.length ? this.backupForm(candidates) : E('p', {}, [
				_('Then nothing can be changed. Let a second router in:'), ' ', E('a', { href: widgets.href('join') }, _('Join'))
			])
		]));
	},

	backupForm: function(candidates) {
		const select = widgets.select('dusk-backup', candidates(), async () => candidates());
		return [
			widgets.field(_('Takes over'), select, _('It leads as soon as the leader is not heard any more.')),
			widgets.button(_('Let it take over'), 'cbi-button-action', async () => {
				if (widgets.told(await session.act('role_backups', { devices: [ select.value ] })))
					await this.again();
			})
		];
	},

	/* Shows how it is, and touches nothing that is as it was. */
	show: function(data) {
		const [ status, devices, pending ] = data instanceof Error ? [ data, data ] : data;
		const trouble = status instanceof Error ? status : devices instanceof Error && !OUTSIDE.includes(status.role) ? devices : null;
		nodes.show(this.troublePlace, trouble && trouble.message, () => trouble && widgets.trouble(trouble));
		const isOutside = trouble === null && (status.role === 'none' || devices instanceof Error);
		this.clusterPlace.hidden = isOutside || trouble !== null;
		if (trouble)
			return;
		nodes.show(this.outsidePlace, isOutside && (status.role === 'none' ? status.role : [ status.role, status.reason, status.label ]),
			() => !isOutside ? null : status.role === 'none' ? start.show(() => this.again()) : entering(status, () => this.again()));
		if (!isOutside)
			this.showCluster(status, devices, pending);
	},

	showCluster: function(status, devices, pending) {
		this.devices = devices;
		this.askBackup(devices);
		const waiting = pending instanceof Error ? pending.message : [ pending.length, devices.filter(device => device.rebound).length ];
		nodes.show(this.joinsPlace, waiting, () => pending instanceof Error ? widgets.trouble(pending) : joins(...waiting));
		const asks = status.asks.filter(line => !line.startsWith(NO_BACKUP));
		nodes.show(this.alarmsPlace, [ status.alarms, asks ], () => [
			lines(_('To see to'), status.alarms, 'danger'), lines(_('To decide'), asks, 'warning')
		]);
		nodes.show(this.factsPlace, facts(status), () => widgets.facts(facts(status)));
		picture.shown(this.picturePlace, status, devices);
		const byName = devices.slice().sort((a, b) => COLLATOR.compare(a.name, b.name));
		this.table.show(byName.map(device => row(device, status.head.seq)));
	},

	render: function(data) {
		this.table = widgets.lasting(_('Routers'), [ _('Router'), _('Role'), _('Health'), _('In effect'), _('Heard') ], _('There is no other router yet.'));
		for (const name of [ 'troublePlace', 'outsidePlace', 'backupPlace', 'joinsPlace', 'alarmsPlace', 'factsPlace', 'picturePlace' ])
			this[name] = E('div', {});
		this.clusterPlace = E('div', {}, [ this.alarmsPlace, this.backupPlace, this.joinsPlace, this.factsPlace, this.picturePlace, this.table.node ]);
		this.show(data);
		poll.add(async () => {
			await api.refresh();
			await this.again();
		}, SECONDS);
		return E('div', {}, [
			E('h2', {}, _('Overview')),
			E('p', { 'class': 'cbi-map-descr' }, _('All routers of the cluster, as this one knows them.')),
			this.troublePlace,
			this.outsidePlace,
			this.clusterPlace
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
