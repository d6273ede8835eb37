'use strict';
'require view';
'require dusk.api as api';
'require dusk.conflicts as conflicts';
'require dusk.history as history';
'require dusk.nodes as nodes';
'require dusk.proposals as proposals';
'require dusk.sending as sending';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* What you are about to change, and what was changed. */

const E = nodes.make;
const CHANGED = 'draft-changed';

function warnings(draft) {
	const lines = [].concat(draft.problems, draft.notes);
	if (!lines.length)
		return null;
	return E('div', { 'class': 'alert-message ' + (draft.problems.length ? 'danger' : 'warning') },
		E('ul', {}, lines.map(line => E('li', {}, line))));
}

/* What happens on the routers of which the same is true. */
function effect(one) {
	const none = _('not managed');
	const rows = one.changes.map(change => E('li', {}, [
		change.key + ': ' + (change.before === null ? none : change.before) + ' \u2192 ' + (change.after === null ? none : change.after),
		change.mark ? E('strong', { 'class': 'dusk-marked' }, ' ! ' + change.mark) : null
	]));
	const restarts = one.restarts.map(radio => E('li', {}, radio.listens_s
		? widgets.filled(_('%s restarts, and listens for radar for %d s first'), radio.radio, radio.listens_s)
		: widgets.filled(_('%s restarts'), radio.radio)));
	const more = one.more ? E('li', {}, widgets.filled(_('and %d more'), one.more)) : null;
	return E('div', {}, [ E('div', { 'class': 'dusk-who' }, widgets.several(one.devices)), E('ul', {}, [ rows, restarts, more ]) ]);
}

function effects(draft) {
	if (!draft.effects.length)
		return null;
	const more = draft.effects_more ? E('p', {}, widgets.filled(_('and on further routers, alike in %d ways'), draft.effects_more)) : null;
	return E('section', { 'aria-label': _('What happens where') }, [ E('h3', {}, _('What happens where')), draft.effects.map(effect), more ]);
}

return view.extend({
	load: function() {
		return Promise.all([
			session.has() ? session.call('draft_show').catch(error => error) : null,
			history.load(),
			proposals.load(),
			conflicts.load()
		]);
	},

	again: async function() {
		const data = await this.load();
		nodes.fill(this.place, this.shown(data));
	},

	send: async function() {
		const message = this.message.value.trim();
		if (!message) {
			this.message.focus();
			throw new Error(_('Say in a line why: it stands in the history.'));
		}
		const given = Object.assign({ message: message, mark: this.mark }, this.sending.given());
		try {
			if (!widgets.told(await session.act('draft_commit', given)))
				return;
			this.message = this.sending = null;
		}
		catch (error) {
			if (error.code !== CHANGED)
				throw error;
			widgets.tell(error.message, 'danger');
		}
		await this.again();
	},

	draft: function(draft) {
		if (draft instanceof Error)
			return widgets.trouble(draft);
		if (!draft)
			return E('div', {}, [
				E('p', {}, _('Log in to see what you have prepared.')),
				widgets.button(_('Log in'), 'cbi-button-action', async () => {
					if (await session.call('draft_show'))
						await this.again();
				})
			]);
		if (!draft.edits)
			return E('p', { 'class': 'hint' }, _('You have prepared nothing. Change a policy, and it is shown here before anything is sent.'));
		this.mark = draft.mark;
		this.message = this.message || E('input', { id: 'dusk-message', 'class': 'cbi-input-text', maxlength: '1024' });
		this.sending = this.sending || sending.chooser();
		return E('div', {}, [
			warnings(draft),
			widgets.diff(draft.text),
			effects(draft),
			widgets.field(_('Why'), this.message),
			this.sending.node,
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Sign and send'), 'cbi-button-apply important', () => this.send()),
				this.discards(draft)
			])
		]);
	},

	/* A draft of several targets can be thrown away one by one. */
	discards: function(draft) {
		const targets = [ ...new Set(draft.operations.map(operation => operation.where)) ];
		const discard = (title, given) => widgets.button(title, 'cbi-button-negative', async () => {
			if (await session.call('draft_discard', given))
				await this.again();
		});
		return [
			targets.length > 1 ? targets.map(target => discard(widgets.filled(_('Throw %s away'), target), { target: target })) : null,
			discard(targets.length > 1 ? _('Throw all away') : _('Throw away'), {})
		];
	},

	shown: function([ draft, listed, proposed, lost ]) {
		const again = () => this.again();
		if ([ listed, proposed, lost ].every(one => one instanceof Error && one.message === listed.message))
			return widgets.trouble(listed);  // said once, not in each place
		return [
			conflicts.shown(lost, again),
			proposals.shown(proposed, again),
			E('h3', {}, _('What you have prepared')),
			this.draft(draft),
			E('h3', {}, _('History')),
			history.shown(listed, again)
		];
	},

	render: function(data) {
		this.place = E('div', {}, this.shown(data));
		return E('div', {}, [ E('h2', {}, _('Edits')), this.place ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
