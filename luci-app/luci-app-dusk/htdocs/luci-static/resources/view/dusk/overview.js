'use strict';
'require poll';
'require view';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.widgets as widgets';

/* All routers at a look: who leads, who is behind, what is wrong. */

const E = nodes.make;
const SECONDS = 5;
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

return view.extend({
	load: function() {
		return Promise.all([ api.call('status'), api.call('device_list') ]).catch(error => error);
	},

	render: function(data) {
		const place = E('div', {}, data instanceof Error ? widgets.trouble(data) : shown(data[0], data[1]));

		poll.add(() => this.load().then(fresh => {
			nodes.fill(place, fresh instanceof Error ? widgets.trouble(fresh) : shown(fresh[0], fresh[1]));
		}), SECONDS);

		return E('div', {}, [
			E('h2', {}, _('Overview')),
			E('p', { 'class': 'cbi-map-descr' }, _('All routers of the cluster, as this one knows them.')),
			place
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
