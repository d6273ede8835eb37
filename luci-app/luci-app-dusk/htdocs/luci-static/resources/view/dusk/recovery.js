'use strict';
'require view';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* The recovery phrase: which one is in force, and what to do when it is needed. The phrase itself never comes here:
 * what a page is told, a router is told, and that may be the one that was stolen. */

const E = nodes.make;

function step(text, command) {
	return E('li', {}, [ widgets.words(text), command ? E('pre', {}, command) : null ]);
}

function phrase(shown) {
	if (!shown.key)
		return E('div', { 'class': 'alert-message danger' }, E('p', {},
			_('There is no recovery phrase: the owners took it away. When all passwords of owners are lost, nobody can help.')));
	const rows = [
		[ _('Cluster'), shown.cluster ],
		[ _('Recovered'), shown.generation ? widgets.filled(_('%d times'), shown.generation) : _('never') ],
		[ _('Phrase in force since'), shown.made.time ? widgets.time(shown.made.time, shown.made.time_trusted) : widgets.filled(_('version %d'), shown.made.seq) ],
		[ _('Owners'), shown.owners.join(', ') ]
	];
	return [
		widgets.facts(rows),
		E('p', {}, shown.generation
			? _('It was made by the last recovery, and typed again then or written to a file. All phrases before it are spent.')
			: _('It was made with the cluster, and typed again then or written to a file. It was never used.')),
		E('p', {}, [ _('Its public key:'), ' ', E('code', { 'class': 'dusk-long' }, shown.key) ])
	];
}

return view.extend({
	load: function() {
		return api.call('recovery_show').catch(error => error);
	},

	render: function(shown) {
		const title = E('h2', {}, _('Recovery'));
		if (shown instanceof Error)
			return E('div', {}, [ title, widgets.trouble(shown) ]);
		return E('div', {}, [
			title,
			E('p', { 'class': 'cbi-map-descr' }, _('24 words on paper. Whoever has them can make a new owner when all passwords are lost or stolen.')),
			E('h3', {}, _('The phrase')),
			phrase(shown),
			shown.key ? [
				E('h3', {}, _('Is my paper the right one?')),
				E('p', {}, _('Try it now and then. Nothing is changed, and nothing of it leaves the process that checks it. This page does not ask for it: type it at a router that you trust.')),
				E('pre', {}, 'dusk recover --check'),
				E('h3', {}, _('When it is needed')),
				E('ol', {}, [
					step(_('An owner who has only forgotten a password needs no recovery: another owner gives a new key, under People.')),
					step(_('Go to any router of the cluster that works, over ssh. With the phrase you make a new owner; that router leads at once, and all former owners are shut out.'), 'dusk recover --user NAME'),
					step(_('A router or a person that was stolen or is not to be trusted is shut out with it.'), 'dusk recover --user NAME --revoke ROUTER'),
					step(_('It shows the next phrase, once, and has you type it again: write it on paper. The one that you used is spent.')),
					step(_('Look at the history for what was changed before you came, and put back what you do not want, under Edits.')),
					step(_('Where both sides of a divided network were recovered, one side gives way, with its own phrase. HEAD is what `dusk status` shows on the other side.'), 'dusk recover --join HEAD')
				])
			] : null
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
