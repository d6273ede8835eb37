'use strict';
'require view';
'require dusk.api as api';
'require dusk.lists as lists';
'require dusk.nodes as nodes';
'require dusk.session as session';
'require dusk.widgets as widgets';

/* People: who they are, what they may, who is logged in. */

const E = nodes.make;

function wordsOf(text) {
	return text.split(/[\s,]+/).filter(word => word);
}

/* A grant as a sentence. */
function sentence(grant) {
	const who = grant.users.join(', ');
	const subject = !grant.users.length ? _('Owners alone')
		: grant.threshold > 1 ? widgets.filled(_('%d of %s together'), grant.threshold, who) : who;
	const limits = [
		grant.packages ? widgets.filled(_('only in %s'), grant.packages.join(', ') || _('no package')) : '',
		grant.groups ? widgets.filled(_('only for %s'), grant.groups.map(name => widgets.filled(_('group %s'), name)).join(', ') || _('no group')) : '',
		grant.max_priority === null ? '' : widgets.filled(_('with a priority up to %d'), grant.max_priority)
	].filter(part => part);
	return [ subject, ' ', _('may change what begins with'), ' ', E('code', {}, grant.prefix), limits.length ? ', ' + limits.join(', ') : '', '.' ];
}

function grantedBy(grant) {
	const text = grant.under === null ? _('owners') : widgets.filled(_('%s, under %s'), grant.by.join(', '), grant.under);
	return grant.in_force ? text : [ text, ' ', widgets.badge('warn', _('has ended')) ];
}

function state(user) {
	if (user.disabled)
		return widgets.badge('warn', _('disabled'));
	return user.owner ? widgets.badge('good', _('owner')) : _('user');
}

function may(user) {
	if (user.disabled)
		return '-';
	return user.owner ? _('everything') : user.grants.join(', ') || _('nothing');
}

function activeOf(listed) {
	return listed.users.filter(user => !user.disabled).map(user => user.name);
}

/* One row for each person who is logged in. */
function byUser(sessions) {
	const found = new Map();
	for (const one of sessions) {
		const row = found.get(one.user) || { user: one.user, count: 0, began_s_ago: 0, idle_s: one.idle_s };
		row.count += 1;
		row.began_s_ago = Math.max(row.began_s_ago, one.began_s_ago);
		row.idle_s = Math.min(row.idle_s, one.idle_s);
		found.set(one.user, row);
	}
	return Array.from(found.values());
}

return view.extend({
	load: function() {
		return Promise.all([
			api.call('user_list'), api.call('grant_list'), lists.groups(),
			session.quietly('session_list')
		]).catch(error => error);
	},

	again: async function() {
		const data = await this.load();
		if (data instanceof Error)
			throw data;
		nodes.fill(this.usersPlace, this.users(data[0]));
		nodes.fill(this.grantsPlace, this.grants(data[1].grants));
		nodes.fill(this.sessionsPlace, this.sessions(data[3]));
	},

	/* Signs something and shows what became of it; gives whether it was signed. */
	act: async function(method, given) {
		const said = await session.act(method, given);
		if (!said)
			return false;
		widgets.told(said);
		await this.again();
		return true;
	},

	/* --- who they are --------------------------------------------------------------------------- */

	sureAct: async function(method, given, title, text, action) {
		if (await widgets.sure(title, text, action))
			await this.act(method, given);
	},

	actions: function(user) {
		if (user.disabled)
			return '';
		const given = { name: user.name };
		return E('div', { 'class': 'dusk-actions' }, [
			user.owner
				? widgets.button(_('Owner no more'), '', () => this.sureAct('owner_remove', given, widgets.filled(_('%s: owner no more'), user.name),
					_('From then on this person may change what is granted, and nothing else.'), _('Owner no more')))
				: widgets.button(_('Make an owner'), '', () => this.sureAct('owner_add', given, widgets.filled(_('%s: an owner'), user.name),
					_('Owners may change everything, and who owns the cluster, too.'), _('Make an owner'))),
			widgets.button(_('Disable'), 'cbi-button-negative', () => this.sureAct('user_disable', { name: user.name, owner_too: user.owner },
				widgets.filled(_('Disable %s'), user.name), _('What this person signs counts no more, from the next version on. The name stays taken.'), _('Disable')))
		]);
	},

	users: function(listed) {
		const count = E('input', { id: 'dusk-quorum', type: 'number', min: '1', max: '64', value: String(listed.quorum) });
		return [
			widgets.table(_('People'), [ _('Name'), _('Is'), _('May change'), _('Signs with'), _('What to do') ], listed.users.map(user => [
				user.name, state(user), may(user), user.signs_with === 'password' ? _('a password') : _('a key file'), this.actions(user)
			]), _('There is nobody.')),
			widgets.folded(widgets.filled(_('How many owners sign together: %d'), listed.quorum), [
				widgets.field(_('Owners'), count, _('So many have to sign what owners alone may change.')),
				E('div', { 'class': 'dusk-actions' }, widgets.button(_('Set'), 'cbi-button-action', () => this.act('owner_quorum', { count: Number(count.value) })))
			])
		];
	},

	addForm: function() {
		const name = E('input', { id: 'dusk-add-name', 'class': 'cbi-input-text', maxlength: '63', autocomplete: 'off', spellcheck: 'false' });
		const password = widgets.newPassword('dusk-add');
		const line = E('input', { id: 'dusk-add-line', 'class': 'cbi-input-text', maxlength: '255', autocomplete: 'off', spellcheck: 'false' });
		return this.addFold = widgets.folded(_('Add a person'), [
			widgets.field(_('Name'), name, _('a-z, 0-9, . _ and -')),
			password.node,
			widgets.field(_('or a public key'), line, _('Of a key that the person keeps (`dusk key`): then there is no password here.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Add'), 'cbi-button-action important', async () => {
				const by = line.value.trim() ? { public_key: line.value.trim() } : { password: password.value() };
				if (!await this.act('user_add', Object.assign({ name: name.value.trim() }, by)))
					return;
				this.addFold.open = false;
				name.value = line.value = '';
				password.clear();
			}))
		]);
	},

	passwordForm: function() {
		const password = widgets.newPassword('dusk-own');
		return this.ownFold = widgets.folded(_('Change my password'), [
			password.node,
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Change'), 'cbi-button-action important', async () => {
				if (!await this.act('user_passwd', { password: password.value() }))
					return;
				this.ownFold.open = false;
				password.clear();
			}))
		]);
	},

	resetForm: function() {
		const name = E('input', { id: 'dusk-reset-name', 'class': 'cbi-input-text', maxlength: '63', autocomplete: 'off', spellcheck: 'false' });
		const password = widgets.newPassword('dusk-reset');
		return this.resetFold = widgets.folded(_('Somebody forgot a password'), [
			E('p', {}, _('The person gets another key under a new password, with all rights of the old one, which signs nothing any more. Secrets are sealed anew with the next change.')),
			widgets.field(_('Name'), name),
			password.node,
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Give another key'), 'cbi-button-action important', async () => {
				if (!await this.act('user_passwd', { name: name.value.trim(), password: password.value(), new_key: true }))
					return;
				this.resetFold.open = false;
				password.clear();
			}))
		]);
	},

	/* --- what they may --------------------------------------------------------------------------- */

	grants: function(grants) {
		return widgets.table(_('Rights'), [ _('Right'), _('Granted by'), '' ], grants.map(grant => [
			sentence(grant), grantedBy(grant),
			widgets.button(_('Take back'), 'cbi-button-negative', () => this.sureAct('grant_remove', { prefix: grant.prefix },
				_('Take back'), E('p', {}, sentence(grant)), _('Take back')))
		]), _('Nothing is granted: owners alone change anything.'));
	},

	grantForm: function(users, groups) {
		const prefix = E('input', { id: 'dusk-prefix', 'class': 'cbi-input-text', maxlength: '255', spellcheck: 'false', placeholder: 'policy/wifi' });
		const who = widgets.choices(_('Who'), users);
		const threshold = E('input', { id: 'dusk-threshold', type: 'number', min: '1', max: '16', value: '1' });
		const packages = E('input', { id: 'dusk-packages', 'class': 'cbi-input-text', spellcheck: 'false', placeholder: 'wireless dhcp' });
		const within = widgets.choices(_('Only for these groups (none ticked: all)'), groups);
		const priority = E('input', { id: 'dusk-priority', type: 'number', min: '0', max: '999' });
		return this.grantFold = widgets.folded(_('Grant a right'), [
			widgets.field(_('To change'), prefix, _('What begins with this: policy/NAME, device/NAME, group/NAME, or only policy/ for all policies. The longest one decides.')),
			who.node,
			widgets.field(_('So many together'), threshold),
			widgets.field(_('Only in these packages'), packages, _('Empty: in all.')),
			within.node,
			widgets.field(_('Priority up to'), priority, _('Empty: any.')),
			E('div', { 'class': 'dusk-actions' }, widgets.button(_('Grant'), 'cbi-button-action important', async () => {
				const given = { prefix: prefix.value.trim(), users: who.chosen(), threshold: Number(threshold.value) };
				if (packages.value.trim())
					given.packages = wordsOf(packages.value);
				if (within.chosen().length)
					given.groups = within.chosen();
				if (priority.value !== '')
					given.max_priority = Number(priority.value);
				if (await this.act('grant_set', given))
					this.grantFold.open = false;
			}))
		], async () => {
			const [ people, listed ] = await Promise.all([ api.call('user_list'), lists.groups() ]);
			who.offer(activeOf(people));
			within.offer(listed.map(group => group.name));
		});
	},

	/* --- who is logged in -------------------------------------------------------------------------- */

	sessions: function(listed) {
		if (!listed)
			return widgets.button(_('Show who is logged in'), '', async () => {
				const said = await session.call('session_list', {});
				if (said)
					nodes.fill(this.sessionsPlace, this.sessions(said));
			});
		return widgets.table(_('Sessions at this router'), [ _('Who'), _('Sessions'), _('First login'), _('Last used'), '' ], byUser(listed.sessions).map(one => [
			one.user, String(one.count), widgets.ago(one.began_s_ago), widgets.ago(one.idle_s),
			widgets.button(one.count > 1 ? _('End them') : _('End it'), 'cbi-button-negative', async () => {
				const said = await session.call('session_end', { user: one.user });
				if (!said)
					return;
				widgets.tell(widgets.filled(_('%d sessions have ended.'), said.ended), 'success');
				await this.again();
			})
		]), _('Nobody is logged in.'));
	},

	render: function(data) {
		if (data instanceof Error)
			return E('div', {}, [ E('h2', {}, _('People and rights')), widgets.trouble(data) ]);
		this.usersPlace = E('div', {}, this.users(data[0]));
		this.grantsPlace = E('div', {}, this.grants(data[1].grants));
		this.sessionsPlace = E('div', {}, this.sessions(data[3]));
		return E('div', {}, [
			E('h2', {}, _('People and rights')),
			E('p', { 'class': 'cbi-map-descr' }, _('What a person signs counts as far as that person may; which router it is sent from decides nothing.')),
			E('h3', {}, _('People')), this.usersPlace, this.addForm(), this.passwordForm(), this.resetForm(),
			E('h3', {}, _('Rights')), this.grantsPlace, this.grantForm(activeOf(data[0]), data[2].map(group => group.name)),
			E('h3', {}, _('Who is logged in')), this.sessionsPlace
		]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
