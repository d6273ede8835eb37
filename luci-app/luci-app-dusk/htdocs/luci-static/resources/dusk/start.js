'use strict';
'require baseclass';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.widgets as widgets';

/* What a router without a cluster shows: make one, or join one. The phrase is nowhere but in this page until it has
 * been typed again; before that nothing is made. */

const E = nodes.make;

/* Where two phrases differ, in words; null where they do not. */
function difference(typed, words) {
	const at = typed.findIndex((word, place) => word !== words[place]);
	if (at >= 0 && at < words.length)
		return widgets.filled(_('Word %d differs.'), at + 1);
	return typed.length === words.length ? null : widgets.filled(_('It has %d words, and you typed %d.'), words.length, typed.length);
}

/* A step of what is filled in one after the other; its title has the focus. */
function step(title, children) {
	return E('div', {}, [ E('h4', { tabindex: '-1', 'class': 'dusk-step' }, title), children ]);
}

return baseclass.extend({
	/* `entered` is called once this router is in a cluster, or on its way into one. */
	show: function(entered) {
		this.entered = entered;
		this.makePlace = E('div', {}, this.plan());
		return [
			E('p', {}, _('This router is in no cluster. Its settings stay as they are until a policy or its own settings say something of them.')),
			widgets.part(_('Make a cluster'), this.makePlace),
			widgets.part(_('Join a cluster'), this.joinForm())
		];
	},

	go: function(children) {
		nodes.fill(this.makePlace, children);
		const title = this.makePlace.querySelector('.dusk-step');
		if (title)
			title.focus();
	},

	/* --- making one ------------------------------------------------------------------------------- */

	plan: function() {
		const cluster = E('input', { id: 'dusk-cluster', 'class': 'cbi-input-text', maxlength: '63', autocomplete: 'off' });
		const user = E('input', { id: 'dusk-owner', 'class': 'cbi-input-text', maxlength: '63', autocomplete: 'username', spellcheck: 'false' });
		const password = widgets.newPassword('dusk-owner');
		const auto = widgets.box('dusk-auto-backup', true);
		return [
			E('p', {}, _('This router is its first, and you are its owner. It asks for your name and password when you sign something.')),
			widgets.field(_('Name of the cluster'), cluster),
			widgets.field(_('Your name'), user, _('a-z, 0-9, . _ and -')),
			password.node,
			widgets.field(_('The next one takes over'), auto, _('The first router that you let in leads when this one fails. Else you name it yourself.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Next: the recovery phrase'), 'cbi-button-action important', async () => {
				const given = { cluster: cluster.value.trim(), user: user.value.trim(), password: password.value(), auto_backup: auto.checked };
				if (!given.cluster || !given.user)
					throw new Error(_('Give the cluster and yourself a name.'));
				this.phrase(given, (await api.call('cluster_phrase')).phrase.split(' '));
			}))
		];
	},

	phrase: function(given, words) {
		this.go(step(_('Your recovery phrase'), [
			widgets.inTheClear(),
			E('p', {}, _('Write these 24 words on paper, in their order. They are shown this once. Whoever has them can make a new owner when all passwords are lost, and nobody else can.')),
			E('ol', { 'class': 'dusk-words' }, words.map(word => E('li', {}, word))),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('I have written them down'), 'cbi-button-action important', () => this.typed(given, words)),
				widgets.button(_('Begin again'), '', () => this.go(this.plan()))
			])
		]));
	},

	typed: function(given, words) {
		const again = E('textarea', { id: 'dusk-phrase', 'class': 'dusk-short', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
		this.go(step(_('Type the phrase again'), [
			widgets.field(_('All 24 words'), again, _('From your paper: so you know that it can be read.')),
			E('div', { 'class': 'dusk-actions' }, [
				widgets.button(_('Make the cluster'), 'cbi-button-action important', async () => {
					const typed = again.value.toLowerCase().split(/\s+/).filter(Boolean), wrong = difference(typed, words);
					if (wrong) {
						again.focus();
						throw new Error(widgets.filled(_('That is not the phrase. %s'), wrong));
					}
					await this.found(Object.assign({ phrase: typed.join(' ') }, given));
				}),
				widgets.button(_('Show it again'), '', () => this.phrase(given, words))
			])
		]));
	},

	found: async function(given) {
		const begun = await api.call('cluster_found', given);
		await api.ticket(begun.ticket);
		given.password = given.phrase = '';
		this.go(null);
		widgets.tell(widgets.filled(_('The cluster %s is made, and this router leads it. Now let others join.'), given.cluster), 'success');
		await this.entered();
	},

	/* --- joining one ------------------------------------------------------------------------------- */

	joinForm: function() {
		const line = E('textarea', { id: 'dusk-key-line', 'class': 'dusk-short', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', placeholder: 'dusk-join-2:' });
		const file = E('input', { id: 'dusk-key-file', type: 'file', change: async () => {
			try {
				if (file.files.length)
					line.value = (await file.files[0].text()).trim();
			}
			catch (error) {
				widgets.tell(error.message, 'danger');
			}
		} });
		return [
			E('p', {}, _('With a join key, which an owner makes on the page of any router of the cluster, under Join.')),
			widgets.inTheClear(),
			widgets.field(_('Join key'), line, _('The line that begins with dusk-join-2:')),
			widgets.field(_('or its file'), file),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Join'), 'cbi-button-action important', async () => {
				await api.call('join', { line: line.value.trim() });
				line.value = file.value = '';
				await this.entered();
			}))
		];
	}
});
