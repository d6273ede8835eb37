'use strict';
'require baseclass';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* Changes that came too late, beside what stands now. */

const E = nodes.make;

function who(by) {
	if (by === null)
		return _('nobody has written it');
	if (!by.author)
		return widgets.filled(_('version %d, which is kept no more'), by.seq);
	return widgets.filled(_('version %d by %s on %s'), by.seq, by.author, by.device) + (by.message ? ': ' + by.message : '');
}

function one(conflict, again) {
	const take = (title, side) => widgets.button(title, 'cbi-button-action', async () => {
		if (widgets.told(await session.act('conflict_resolve', { id: conflict.id, take: side })))
			await again();
	});
	return E('div', { 'class': 'alert-message warning' }, [
		E('p', {}, widgets.filled(_('By %s on %s: %s. It came into the log as version %d, %s; it may have been made before what stands.'),
			conflict.author, conflict.device, conflict.message || '-', conflict.seq, conflict.outcome)),
		widgets.table(_('Both sides'), [ _('Setting'), _('A, which stands'), _('B, which came too late'), _('Who wrote A') ],
			conflict.records.map(row => [ row.where + ' ' + row.item, widgets.orNothing(row.a), widgets.orNothing(row.b), who(row.by) ])),
		E('div', { 'class': 'dusk-actions' }, [ take(_('Keep A'), 'A'), take(_('Take B after all'), 'B') ])
	]);
}

return baseclass.extend({
	load: function() {
		return api.call('conflict_list').catch(error => error);
	},

	/* What waits for a decision; nothing where that is nothing. `again` shows the view anew. */
	shown: function(listed, again) {
		if (listed instanceof Error)
			return widgets.trouble(listed);
		return listed.conflicts.length ? widgets.part(_('To decide'), listed.conflicts.map(conflict => one(conflict, again))) : null;
	}
});
