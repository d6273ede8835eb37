'use strict';
'require baseclass';
'require poll';
'require dusk.api as api';
'require dusk.nodes as nodes';
'require dusk.widgets as widgets';

/* Who signs, in this tab alone: the token is in its session storage and goes with it. Above each view stands who that
 * is, when it ends, and the way out. */

const E = nodes.make;
const TOKEN = 'dusk.token', USER = 'dusk.user';
const SECONDS = 30;
const ENDED = 'no-session';

const place = E('div', { id: 'dusk-signer' });
let logIn = null, shown = null;

function clock(seconds) {
	return new Date(Date.now() + seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/* When it ends; whoever goes on in the meantime has longer than this says. */
function until(left) {
	return widgets.filled(_('The login ends at %s unless you use it, and at %s at the latest.'), clock(left.idle_left_s), clock(left.left_s));
}

function fill(key, children) {
	if (key !== shown)
		nodes.fill(place, children);
	shown = key;
}

function showUser(user, left) {
	const text = until(left);
	fill(user + text, E('div', { 'class': 'dusk-signer' }, [
		E('span', {}, [ E('strong', {}, widgets.filled(_('%s signs here.'), user)), ' ', E('span', { 'class': 'dusk-quiet' }, text) ]),
		widgets.button(_('Log out of Dusk'), '', () => logOut())
	]));
}

function showEnd(user) {
	fill('ended ' + user, E('div', { 'class': 'alert-message warning', role: 'alert' }, [
		E('p', {}, widgets.filled(_('The login of %s to Dusk has ended. What you have typed is still here, and what you prepared is kept.'), user)),
		widgets.button(_('Log in'), 'cbi-button-action', () => logIn(_('Changes are signed with your key.')))
	]));
}

function drop() {
	const user = sessionStorage.getItem(USER);
	sessionStorage.removeItem(TOKEN);
	sessionStorage.removeItem(USER);
	return user;
}

function end() {
	const user = drop();
	if (user)
		showEnd(user);
}

async function logOut() {
	const token = sessionStorage.getItem(TOKEN);
	drop();
	fill(null, []);
	if (token)
		await api.call('session_logout', { token: token });
	widgets.tell(_('You are logged out of Dusk. To sign, log in again.'));
}

/* Looks after the session, which is no use of it. */
async function look() {
	const token = sessionStorage.getItem(TOKEN);
	try {
		if (token) {
			const said = await api.call('session_whoami', { token: token });
			if (token === sessionStorage.getItem(TOKEN))
				showUser(said.user, said);
		}
	}
	catch (error) {
		if (error.code === ENDED && token === sessionStorage.getItem(TOKEN))
			end();
	}
}

return baseclass.extend({
	/* Shows above the view who signs. `ask` asks for name and password. */
	show: function(ask) {
		logIn = ask;
		const view = document.getElementById('view');
		if (view && !place.isConnected)
			view.parentNode.insertBefore(place, view);
		poll.add(look, SECONDS);
		return look();
	},

	token: function() {
		return sessionStorage.getItem(TOKEN);
	},

	keep: function(said) {
		sessionStorage.setItem(TOKEN, said.token);
		sessionStorage.setItem(USER, said.user);
		showUser(said.user, { idle_left_s: said.idle_s, left_s: said.lasts_s });
		return said.token;
	},

	/* It has ended by itself: that is said. */
	ended: function() {
		end();
	},

	logout: function() {
		return logOut();
	}
});
