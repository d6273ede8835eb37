'use strict';

(function() {
	const told = document.getElementById('told');
	const button = document.getElementById('send');

	function say(text) {
		told.textContent = text;
	}

	async function send(given) {
		const answer = await fetch('/web/login', {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify(given)
		});
		const said = await answer.json();
		if (!answer.ok)
			throw new Error(said.error ? said.error.message : 'the page answered with ' + answer.status);
		if (said.token) {
			sessionStorage.setItem('dusk.token', said.token);
			sessionStorage.setItem('dusk.user', said.user);
		}
		location.replace(location.pathname === '/' ? '/admin/services/dusk/overview' : location.pathname);
	}

	async function attempt(given) {
		button.disabled = true;
		say('Logging in…');
		try {
			await send(given);
		} catch (error) {
			say(error instanceof TypeError ? 'The page does not answer; is `dusk web` still running?' : error.message);
		} finally {
			button.disabled = false;
		}
	}

	document.getElementById('login').addEventListener('submit', function(event) {
		event.preventDefault();
		attempt({ user: this.elements.user.value, password: this.elements.password.value });
	});

	const code = /^#code=(.+)$/.exec(location.hash);
	if (code) {
		history.replaceState(null, '', location.pathname);
		attempt({ code: decodeURIComponent(code[1]) });
	}
})();
