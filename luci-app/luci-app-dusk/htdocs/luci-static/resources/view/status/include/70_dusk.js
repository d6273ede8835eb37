'use strict';
'require baseclass';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.widgets as widgets';

/* The cluster at a look, on LuCI's own status page. That asks again by itself. */

const E = nodes.make;

return baseclass.extend({
	title: _('Dusk'),

	load: function() {
		return api.call('status').catch(error => error);
	},

	render: function(status) {
		if (status instanceof Error)
			return E('p', { 'class': 'hint' }, status.message);
		const wrong = status.alarms.concat(status.asks);
		return E('div', {}, [
			widgets.facts([
				[ _('Cluster'), status.cluster ],
				[ _('This router'), widgets.role(status.role) ],
				[ _('Leads'), status.master || _('nobody is heard') ],
				[ _('Online'), widgets.filled(_('%d of %d'), status.online, status.members) ]
			]),
			wrong.length ? E('ul', {}, wrong.map(line => E('li', { 'class': 'dusk-warn' }, line))) : null
		]);
	}
});
