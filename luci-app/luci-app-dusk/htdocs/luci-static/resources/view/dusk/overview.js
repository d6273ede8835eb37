'use strict';
'require poll';
'require view';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.start as start';
'require dusk.widgets as widgets';

/* All routers at a look: who leads, who is behind, what is wrong. */

const E = nodes.make;
const SECONDS = 5;
const OUTSIDE = [ 'none', 'joining', 'pending' ];

function health(device) {
	if (!device.online)
		return widgets.badge('bad', _('not heard'));
	if (device.apply === 'failed')
		return widgets.badge('bad', _('could not apply'));
	if (device.drift)
		return widgets.badge('warn', widgets.filled(_('changed by hand: %d'), device.drift));
	return widgets.badge('good', _('well'));
}

function position(device, newest) {
	const behind = newest - (device.applied || 0);
	return behind > 0 ? widgets.filled(_('%d, %d behind'), device.applied || 0, behind) : String(device.applied);
}

function row(device, newest) {
	return [
		E('a', { href: widgets.href('device', device.name) }, device.name),
		widgets.role(device.role),
		health(device),
		position(device, newest),
		device.online ? _('now') : widgets.ago(device.seen_s_ago)
	];
}

function facts(status) {
	return widgets.facts([
		[ _('Cluster'), status.cluster ],
		[ _('Leads'), status.master || _('nobody is heard') ],
		[ _('Online'), widgets.filled(_('%d of %d'), status.online, status.members) ],
		[ _('Version'), String(status.head.seq) ]
	]);
}

function lines(title, texts, kind) {
	if (!texts.length)
		return null;
	return E('div', { 'class': 'alert-message ' + kind }, [ E('h4', {}, title), E('ul', {}, texts.map(text => E('li', {}, text))) ]);
}

function shown(status, listed) {
	const devices = listed.devices.slice().sort((a, b) => a.name.localeCompare(b.name));
	return [
		lines(_('To see to'), status.alarms, 'danger'),
		lines(_('To decide'), status.asks, 'warning'),
		facts(status),
		widgets.table(_('Routers'), [ _('Router'), _('Role'), _('Health'), _('In effect'), _('Heard') ],
			devices.map(device => row(device, status.head.seq)), _('There is no other router yet.'))
	];
}

/* A router that is on its way into a cluster. */
function entering(status) {
	return E('div', { 'class': 'alert-message warning' }, [
		E('h4', {}, status.role === 'pending' ? _('This router waits to be let in') : _('This router is joining')),
		E('p', {}, status.reason || _('It looks for a router of the cluster.')),
		E('p', {}, widgets.filled(_('Its label: %s'), status.label || '-'))
	]);
}

return view.extend({
	load: function() {
		return Promise.all([ api.call('status'), api.call('device_list').catch(error => error) ]).catch(error => error);
	},

	again: async function() {
		this.show(await this.load());
	},

	/* Asks who takes over if the leader fails, as long as nobody does. */
	askBackup: function(devices) {
		const others = devices.filter(device => device.role === 'member').map(device => device.name);
		const key = devices.some(device => device.role === 'backupMaster') ? '' : JSON.stringify([ 'nobody', others ]);
		if (key === this.asked)
			return;
		this.asked = key;
		const select = E('select', { id: 'dusk-backup', 'class': 'cbi-input-select' }, others.map(name => E('option', { value: name }, name)));
		nodes.fill(this.backupPlace, !key ? null : E('div', { 'class': 'alert-message warning' }, [
			E('h4', {}, _('Nobody takes over if the leader fails')),
			others.length ? [
				widgets.field(_('Takes over'), select, _('It leads as soon as the leader is not heard any more.')),
				widgets.button(_('Let it take over'), 'cbi-button-action', async () => {
					if (widgets.told(await session.act('role_backups', { devices: [ select.value ] })))
						await this.again();
				})
			] : E('p', {}, [ _('Then nothing can be changed. Let a second router in:'), ' ', E('a', { href: widgets.href('join') }, _('Join')) ])
		]));
	},

	/* Shows how it is. A form that is being filled in stays. */
	show: function(data) {
		const status = data instanceof Error ? null : data[0];
		const isFirst = status !== null && status.role === 'none';
		if (isFirst && this.isFirst)
			return;
		this.isFirst = isFirst;
		if (isFirst)
			nodes.fill(this.place, start.show(() => this.again()));
		else if (status === null || (data[1] instanceof Error && !OUTSIDE.includes(status.role)))
			nodes.fill(this.place, widgets.trouble(status === null ? data : data[1]));
		else
			nodes.fill(this.place, data[1] instanceof Error ? entering(status) : shown(status, data[1]));
		this.askBackup(status !== null && data[1].devices ? data[1].devices : [ { role: 'backupMaster' } ]);
	},

	render: function(data) {
		this.place = E('div', {});
		this.backupPlace = E('div', {});
		this.show(data);
		poll.add(async () => {
			await api.refresh();
			await this.again();
		}, SECONDS);
		return E('div', {}, [
			E('h2', {}, _('Overview')),
			E('p', { 'class': 'cbi-map-descr' }, _('All routers of the cluster, as this one knows them.')),
			this.backupPlace,
			this.place
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
