'use strict';
'require baseclass';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* What somebody changed on a router by hand: put back, or kept as a setting. */

const E = nodes.make;

/* Who adopts a secret, or what nobody can set, is told how else; so no box is there to tick. */
function choice(one, index, chosen) {
	if (one.secret || one.trouble)
		return one.key;
	const label = widgets.checkbox('dusk-drift-' + index, one.key, true);
	chosen.push([ label.querySelector('input'), one.key ]);
	return label;
}

function cells(one, index, chosen) {
	return [
		[ choice(one, index, chosen), one.trouble ? E('div', { 'class': 'dusk-quiet' }, one.trouble) : null ],
		E('span', { 'class': 'dusk-removed' }, widgets.orNothing(one.wanted)),
		E('span', { 'class': 'dusk-added' }, widgets.orNothing(one.found)),
		one.origin
	];
}

return baseclass.extend({
	/* What a router told of itself. `putBack` orders it to undo all; `again` shows the view anew. */
	shown: function(device, said, putBack, again) {
		const chosen = [];
		const table = widgets.table(_('Changed by hand'), [ _('Setting'), _('Should be'), _('Is'), _('Says who') ],
			said.drift.map((one, index) => cells(one, index, chosen)), _('Nobody has changed there what is managed.'));
		if (!said.drift.length)
			return table;
		const more = said.count > said.drift.length ? E('p', {}, widgets.filled(_('and %d more'), said.count - said.drift.length)) : null;
		const to = widgets.select('dusk-adopt-to', [ [ 'device/' + device.name, _('a setting of this router alone') ] ].concat(
			device.policies.map(policy => [ 'policy/' + policy, widgets.filled(_('a setting of policy %s, for all that have it'), policy) ])));
		return [ table, more,
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Put all of it back'), 'cbi-button-action', putBack)),
			chosen.length ? widgets.field(_('Or keep it as'), to) : null,
			chosen.length ? E('div', { 'class': 'dusk-actions' }, widgets.button(_('Keep what is ticked'), 'cbi-button-action', async () => {
				const keys = chosen.filter(pair => pair[0].checked).map(pair => pair[1]);
				if (!keys.length)
					throw new Error(_('Tick at least one setting.'));
				if (widgets.told(await session.act('drift_adopt', { device: device.name, keys: keys, to: to.value, told: said.told })))
					await again();
			})) : null
		];
	}
});
