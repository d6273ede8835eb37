'use strict';
'require baseclass';
'require ui';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* Changes that several people must sign. */

const E = nodes.make;

async function look(id, again) {
	const found = await api.call('proposal_show', { id: id });
	const work = (title, kind, method) => widgets.button(title, kind, async () => {
		ui.hideModal();
		if (widgets.told(await session.act(method, { id: id })))
			await again();
	});
	widgets.dialog(widgets.filled(_('Proposal %s'), id), [
		E('p', {}, widgets.filled(_('%s, proposed by %s; signed by %s.'), found.message, found.author, found.signed.join(', '))),
		widgets.diff(found.diff),
		E('p', {}, found.state),
		found.expires ? E('p', { 'class': 'hint' }, widgets.filled(_('It ends on %s.'), new Date(found.expires * 1000).toLocaleDateString())) : null
	], [ work(_('Sign it'), 'cbi-button-action', 'proposal_sign'), ' ', work(_('Withdraw it'), 'cbi-button-negative', 'proposal_withdraw') ]);
}

return baseclass.extend({
	load: function() {
		return api.call('proposal_list').catch(error => error);
	},

	/* The open ones; nothing where there is none. `again` shows the view anew. */
	shown: function(listed, again) {
		if (listed instanceof Error)
			return widgets.trouble(listed);
		if (!listed.proposals.length)
			return null;
		return widgets.part(_('Waits for signatures'), widgets.table(_('Proposals'),
			[ _('Proposal'), _('Who'), _('Why'), _('Signed by'), _('Waits for') ],
			listed.proposals.map(one => [
				widgets.button(one.id, '', () => look(one.id, again)), one.author, one.message, one.signed.join(', '), one.state
			])));
	}
});
