'use strict';
'require baseclass';
'require ui';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.signer as signer';
'require dusk.widgets as widgets';

/* Calls that are signed: who is not logged in to Dusk in this tab is asked to. */

const E = nodes.make;
const ENDED = [ 'no-session' ];
const NEEDS_YES = 'needs-yes';

/* Asks for name and password; gives a token, or null if the person would rather not. */
function ask(why) {
	return new Promise(resolve => {
		const user = E('input', { id: 'dusk-user', 'class': 'cbi-input-text', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: '' });
		const password = E('input', { id: 'dusk-password', 'class': 'cbi-input-password', type: 'password', autocomplete: 'current-password', spellcheck: 'false', required: '' });
		const told = E('p', { role: 'alert' });
		const send = E('button', { 'class': 'btn cbi-button-action important' }, _('Log in'));
		const end = token => { ui.hideModal(); resolve(token); };
		const form = E('form', {
			submit: async event => {
				event.preventDefault();
				send.disabled = true;
				send.classList.add('spinning');
				told.textContent = _('Checking the password takes a moment…');
				try {
					const begun = await api.call('session_login', { user: user.value, password: password.value });
					end(signer.keep(await api.ticket(begun.ticket)));
				}
				catch (error) {
					told.textContent = error.message;
					password.focus();
				}
				finally {
					password.value = '';
					send.disabled = false;
					send.classList.remove('spinning');
				}
			}
		}, [
			E('p', {}, why),
			widgets.inTheClear(),
			widgets.field(_('User'), user),
			widgets.field(_('Password'), password),
			told,
			E('div', { 'class': 'right' }, [
				E('button', { 'class': 'btn', type: 'button', click: () => end(null) }, _('Cancel')), ' ', send
			])
		]);

		form.addEventListener('keydown', event => {
			if (event.key === 'Escape')
				end(null);
		});
		ui.showModal([ _('Log in to Dusk') ], form);
		user.focus();
	});
}

signer.show(ask);

return baseclass.extend({
	has: function() {
		return signer.token() !== null;
	},

	/* Calls a method that takes a token; who has none, or one that has ended, is asked to log in first.
	 * Gives null where the person would rather not. */
	call: async function(method, given) {
		let token = signer.token() || await ask(_('Changes are signed with your key.'));
		while (token) {
			try {
				return await api.call(method, Object.assign({ token: token }, given));
			}
			catch (error) {
				if (!ENDED.includes(error.code))
					throw error;
				signer.ended();
				token = await ask(_('Your session has ended; nothing is lost. Log in to go on.'));
			}
		}
		return null;
	},

	/* The same without asking: null where nobody is logged in, or not any more. */
	quietly: async function(method, given) {
		const token = signer.token();
		try {
			return token && await api.call(method, Object.assign({ token: token }, given));
		}
		catch (error) {
			if (!ENDED.includes(error.code))
				throw error;
			signer.ended();
			return null;
		}
	},

	/* The same for a method that hands something in: waits for its end. Where it would touch the way by which a
	 * router is reached, the daemon wants a yes: it is asked for, and null where there is none. */
	act: async function(method, given, show) {
		const begun = await this.call(method, given).catch(async error => {
			if (error.code !== NEEDS_YES)
				throw error;
			return await widgets.sure(_('Are you sure?'), error.message, _('Do it')) ? this.call(method, Object.assign({}, given, { yes: true })) : null;
		});
		if (!begun || !begun.ticket)
			return begun;
		const ended = await api.ticket(begun.ticket, show);
		return Object.assign({}, begun, ended);
	}
});
