'use strict';
'require dom';
'require ui';
'require view';
'require dusk.api as api';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* What you are about to change, and what was changed. */

const COUNT = 50;

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
		? _('%s restarts, and listens for radar for %d s first').replace('%s', radio.radio).replace('%d', radio.listens_s)
		: _('%s restarts').replace('%s', radio.radio)));
	const more = one.more ? E('li', {}, _('and %d more').replace('%d', one.more)) : null;
	return E('div', {}, [ E('h4', {}, one.devices.join(', ')), E('ul', {}, [ rows, restarts, more ]) ]);
}

function effects(draft) {
	if (!draft.effects.length)
		return null;
	const more = draft.effects_more ? E('p', {}, _('and on further routers, alike in %d ways').replace('%d', draft.effects_more)) : null;
	return E('section', { 'aria-label': _('What happens where') }, [ E('h3', {}, _('What happens where')), draft.effects.map(effect), more ]);
}

return view.extend({
	load: function() {
		return Promise.all([
			session.has() ? session.call('draft_show').catch(error => error) : null,
			api.call('log_list', { count: COUNT }).catch(error => error)
		]);
	},

	again: async function() {
		const data = await this.load();
		dom.content(this.draftPlace, this.draft(data[0]));
		dom.content(this.historyPlace, this.history(data[1]));
	},

	send: async function(draft) {
		const message = this.message.value.trim();
		if (!message) {
			this.message.focus();
			throw new Error(_('Say in a line why: it stands in the history.'));
		}
		if (widgets.told(await session.act('draft_commit', { message: message, yes: this.agreed ? this.agreed.checked : false })))
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
		this.message = E('input', { id: 'dusk-message', 'class': 'cbi-input-text', maxlength: '1024' });
		this.agreed = draft.marked.length ? E('input', { id: 'dusk-agreed', type: 'checkbox' }) : null;
		return E('div', {}, [
			warnings(draft),
			widgets.diff(draft.text),
			effects(draft),
			this.agreed ? E('p', {}, E('label', { 'for': 'dusk-agreed' }, [
				this.agreed, ' ', _('I know that this touches the way by which a router is reached.')
			])) : null,
			widgets.field(_('Why'), this.message),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Sign and send'), 'cbi-button-apply important', () => this.send(draft)),
				widgets.button(_('Throw away'), 'cbi-button-negative', async () => {
					await session.call('draft_discard', {});
					await this.again();
				})
			])
		]);
	},

	showEntry: async function(seq) {
		const entry = await api.call('log_show', { seq: seq });
		ui.showModal(_('Version %d').replace('%d', seq), [
			E('p', {}, [ entry.message || entry.kind, ' ', E('span', { 'class': 'dusk-quiet' }, entry.author) ]),
			entry.diff ? widgets.diff(entry.diff) : E('p', { 'class': 'hint' }, _('It changed no setting.')),
			E('div', { 'class': 'right' }, [
				widgets.button(_('Put back what it changed'), 'cbi-button-negative', async () => {
					ui.hideModal();
					if (widgets.told(await session.act('log_revert', { seq: seq })))
						await this.again();
				}), ' ',
				widgets.button(_('Close'), '', () => ui.hideModal())
			])
		]);
	},

	history: function(listed) {
		if (listed instanceof Error)
			return widgets.trouble(listed);
		return widgets.table(_('History'), [ _('Version'), _('When'), _('Who'), _('What'), _('Outcome') ],
			listed.entries.map(entry => [
				widgets.button(String(entry.seq), '', () => this.showEntry(entry.seq)),
				widgets.time(entry.time, entry.time_trusted),
				entry.author || '-',
				entry.message || entry.kind,
				entry.outcome || '-'
			]), _('Nothing has happened yet.'));
	},

	render: function(data) {
		this.draftPlace = E('div', {}, this.draft(data[0]));
		this.historyPlace = E('div', {}, this.history(data[1]));
		return E('div', {}, [
			E('h2', {}, _('Edits')),
			E('h3', {}, _('What you have prepared')),
			this.draftPlace,
			E('h3', {}, _('History')),
			this.historyPlace
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
