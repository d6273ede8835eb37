/* Who may use this page: the login at the start, and again when it has ended (specs/web.md). */
'use strict';

(function() {
	const host = globalThis.DuskHost, E = globalThis.E;
	const LOGIN_MS_MAX = 70000;
	const PAGE = 'dusk.page', TOKEN = 'dusk.token', USER = 'dusk.user';
	const UNANSWERED = 'The page does not answer; is `dusk web` still running?';

	async function enter(given) {
		const answer = await host.post('/web/login', given, LOGIN_MS_MAX);
		const said = await answer.json();
		if (!answer.ok)
			throw new Error(said.error ? said.error.message : `the page answered with ${answer.status}`);
		sessionStorage.clear();
		sessionStorage.setItem(PAGE, said.page);
		if (said.token) {
			sessionStorage.setItem(TOKEN, said.token);
			sessionStorage.setItem(USER, said.user);
		}
	}

	function field(title, control) {
		return E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title', 'for': control.id }, title),
			E('div', { 'class': 'cbi-value-field' }, control)
		]);
	}

	/* What stands where somebody types a password, and others on the network can read it. */
	function inTheClear() {
		return window.isSecureContext ? null : E('p', { 'class': 'alert-message danger' },
			'This page came over the network unencrypted. Whoever listens between it and you reads the password, and can change what you see.');
	}

	/* The form. `why` is said above it; `done` is called when somebody is in, `buttons` stand beside. */
	function form(why, done, buttons) {
		const user = E('input', { 'class': 'cbi-input-text', id: 'page-user', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: '' });
		const password = E('input', { 'class': 'cbi-input-password', id: 'page-password', type: 'password', autocomplete: 'current-password', spellcheck: 'false', required: '' });
		const told = E('p', { id: 'told', role: 'alert' }, why);
		const send = E('button', { 'class': 'btn cbi-button-action important' }, 'Log in');
		const attempt = async given => {
			send.disabled = true;
			told.textContent = 'Logging in…';
			try {
				await enter(given);
				done();
			}
			catch (error) {
				told.textContent = error instanceof TypeError ? UNANSWERED : error.message;
				password.focus();
			}
			finally {
				password.value = '';
				send.disabled = false;
			}
		};
		return {
			user, attempt,
			node: E('form', { id: 'login', submit: event => {
				event.preventDefault();
				attempt({ user: user.value, password: password.value });
			} }, [ told, inTheClear(), field('User', user), field('Password', password), E('div', { 'class': 'right' }, [ buttons, ' ', send ]) ])
		};
	}

	/* --- when it has ended, over what is being typed ------------------------------------------------ */

	let asking = null, isPutOff = false;

	function out() {
		return Object.assign(new Error('You are not logged in to this page any more.'), { code: 'no-page-session' });
	}

	/* Asks to log in again, once for all that waits for it; nothing of the view is lost. Gives up where the person would
	 * rather not, until that person does something again. */
	host.again = function() {
		if (isPutOff && !host.isActive())
			return Promise.reject(out());
		asking = asking || new Promise((resolve, reject) => {
			const end = what => {
				dialog.close();
				dialog.remove();
				asking = null;
				what();
			};
			const later = () => { isPutOff = true; end(() => reject(out())); };
			const asked = form('', () => { isPutOff = false; end(resolve); }, E('button', { 'class': 'btn', type: 'button', click: later }, 'Not now'));
			const dialog = E('dialog', { 'class': 'modal', id: 'door', 'aria-labelledby': 'door-title' }, [
				E('h2', { id: 'door-title' }, 'Your login has ended'),
				E('p', {}, 'Log in to go on. What you have typed is still there.'), asked.node
			]);
			dialog.addEventListener('cancel', event => { event.preventDefault(); later(); });
			document.body.appendChild(dialog);
			dialog.showModal();
			asked.user.focus();
		});
		return asking;
	};

	/* --- at the start ------------------------------------------------------------------------------- */

	function begin() {
		document.getElementById('menu').hidden = document.getElementById('logout').hidden = false;
		host.start();
	}

	function ask() {
		const asked = form('', begin, null);
		host.show(E('div', { 'class': 'cbi-section narrow' }, [
			E('h1', {}, 'Log in'), asked.node,
			E('p', { 'class': 'hint' }, 'With a name and a password of the cluster; each tab logs in by itself. Whoever started this page on its machine can also open the address that it printed there: that lets in once, to look and to set up a cluster.')
		]));
		asked.user.focus();
		return asked;
	}

	document.getElementById('logout').addEventListener('click', async () => {
		const token = sessionStorage.getItem(TOKEN);
		const call = { jsonrpc: '2.0', id: 0, method: 'call', params: [ '', 'luci.dusk', 'session_logout', { token } ] };
		try {
			if (token)
				await host.post('/ubus', call);
			await host.post('/web/logout', {});
		}
		catch (error) {
			host.ui.addNotification(null, E('p', {}, UNANSWERED), 'danger');
			return;
		}
		sessionStorage.clear();
		location.replace('/');
	});

	const code = /^#code=(.+)$/.exec(location.hash);
	if (code) {
		history.replaceState(null, '', location.pathname);
		ask().attempt({ code: decodeURIComponent(code[1]) });
	}
	else if (sessionStorage.getItem(PAGE))
		begin();
	else
		ask();
})();
