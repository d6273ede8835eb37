/* The part of LuCI's client that the views use (specs/luci-subset.md), where there is no LuCI. */
'use strict';

(function() {
	const RESOURCES = '/luci-static/resources/';
	const BASE = '/admin/services/dusk/';
	const REQUEST_MS_MAX = 20000;
	const ACTIVE_MS = 2000;

	/* --- nodes ----------------------------------------------------------------------------- */

	function append(node, children) {
		if (Array.isArray(children))
			children.forEach(child => append(node, child));
		else if (children instanceof Node)
			node.appendChild(children);
		else if (children !== null && children !== undefined)
			node.appendChild(document.createTextNode(String(children)));
		return node;
	}

	function E(tag, attributes, children) {
		const node = document.createElement(tag);
		if (children === undefined && (Array.isArray(attributes) || typeof attributes !== 'object'))
			return append(node, attributes);
		for (const [name, value] of Object.entries(attributes || {})) {
			if (typeof value === 'function')
				node.addEventListener(name, value);
			else if (value !== null && value !== undefined)
				node.setAttribute(name, value);
		}
		return append(node, children);
	}

	function content(node, children) {
		node.replaceChildren();
		return append(node, children);
	}

	/* --- who is there ---------------------------------------------------------------------- */

	let acted = Date.now();

	for (const kind of [ 'pointerdown', 'keydown', 'input' ])
		document.addEventListener(kind, () => { acted = Date.now(); }, { capture: true, passive: true });

	/* --- asking ---------------------------------------------------------------------------- */

	let queue = [], number = 0;

	/* The token is that of this tab's login, and nowhere but here. What the page asks by itself keeps no login alive:
	 * the request says how long ago a person did something. */
	function post(path, what, ms) {
		return fetch(path, {
			method: 'POST',
			headers: {
				'Content-Type': 'application/json',
				'X-Dusk-Token': sessionStorage.getItem('dusk.page') || '',
				'X-Dusk-Idle': String(Math.round((Date.now() - acted) / 1000))
			},
			body: JSON.stringify(what),
			signal: AbortSignal.timeout(ms || REQUEST_MS_MAX)
		});
	}

	/* Who is not logged in any more is asked to; of what was refused for that nothing was done. */
	async function carry(calls) {
		for (;;) {
			const answer = await post('/ubus', calls);
			if (answer.ok)
				return answer.json();
			if (answer.status !== 401)
				throw new Error(`the page answered with ${answer.status}`);
			await globalThis.DuskHost.again();
		}
	}

	function send() {
		const asked = queue;
		queue = [];
		carry(asked.map(one => one.call)).then(said => {
			asked.forEach((one, index) => one.take(said[index].result));
		}).catch(error => asked.forEach(one => one.fail(error)));
	}

	function ask(call) {
		return new Promise((resolve, reject) => {
			if (queue.length === 0)
				queueMicrotask(send);
			queue.push({
				call,
				take: result => result[0] === 0 ? resolve(result[1]) : reject(new Error(`the page refused ${call.params[2]} with ${result[0]}`)),
				fail: reject
			});
		});
	}

	const rpc = {
		declare: options => (...given) => {
			const args = {};
			(options.params || []).forEach((name, index) => { args[name] = given[index]; });
			return ask({ jsonrpc: '2.0', id: ++number, method: 'call', params: ['', options.object, options.method, args] });
		}
	};

	/* --- again and again ------------------------------------------------------------------- */

	const polled = new Map();

	const poll = {
		add: (work, seconds) => {
			if (polled.has(work))
				return false;
			const again = () => Promise.resolve().then(work).catch(() => null).then(() => {
				if (polled.has(work))
					polled.set(work, setTimeout(again, seconds * 1000));
			});
			polled.set(work, null);
			again();
			return true;
		},
		remove: work => {
			clearTimeout(polled.get(work));
			return polled.delete(work);
		}
	};

	/* --- what lies over the view ----------------------------------------------------------- */

	let modal = null, before = null;

	function hideModal() {
		if (!modal)
			return;
		modal.close();
		modal.remove();
		modal = null;
		if (before && before.isConnected)
			before.focus();
	}

	const ui = {
		showModal: (title, children, ...classes) => {
			if (modal)
				modal.remove();
			else
				before = document.activeElement;
			modal = E('dialog', { 'class': ['modal', ...classes].join(' '), 'aria-labelledby': 'modal-title' }, [
				E('h2', { id: 'modal-title' }, title), children
			]);
			modal.addEventListener('cancel', event => event.preventDefault());
			document.body.appendChild(modal);
			modal.showModal();
			return modal;
		},
		hideModal,
		addNotification: (title, children, ...classes) => {
			const node = E('div', { 'class': ['alert-message', ...classes].join(' '), role: 'alert' }, [
				title ? E('h4', {}, title) : null, children,
				E('button', { 'class': 'btn', type: 'button', click: () => node.remove() }, 'Dismiss')
			]);
			document.getElementById('notifications').appendChild(node);
			return node;
		},
		createHandlerFn: (self, work, ...given) => function(event) {
			const button = event.currentTarget;
			if (button.disabled)
				return;
			button.disabled = true;
			button.classList.add('spinning');
			const call = typeof work === 'string' ? self[work] : work;
			return Promise.resolve().then(() => call.apply(self, [...given, event])).finally(() => {
				button.disabled = false;
				button.classList.remove('spinning');
			});
		}
	};

	/* --- modules --------------------------------------------------------------------------- */

	const base = {
		extend(members) {
			return Object.assign(Object.create(this), members);
		}
	};
	const modules = new Map(Object.entries({
		baseclass: base, view: base.extend({}), rpc, poll, ui
	}).map(([name, module]) => [name, Promise.resolve(module)]));
	const defined = new Map();

	function load(name) {
		if (!modules.has(name)) {
			modules.set(name, new Promise((resolve, reject) => {
				const script = document.createElement('script');
				script.src = RESOURCES + name.replaceAll('.', '/') + '.js';
				script.onload = () => defined.has(name) ? resolve(defined.get(name)) : reject(new Error(`${name} is no module`));
				script.onerror = () => reject(new Error(`${name} cannot be loaded`));
				document.head.appendChild(script);
			}).then(([needs, make]) => Promise.all(needs.map(load)).then(got => make(...got))));
		}
		return modules.get(name);
	}

	/* --- the view, by the address ------------------------------------------------------------ */

	function show(node) {
		content(document.getElementById('view'), node);
	}

	function start() {
		const name = location.pathname.slice(BASE.length);
		const link = document.querySelector(`#menu a[href="${BASE + name}"]`);
		link.setAttribute('aria-current', 'page');
		document.title = `${link.textContent} - Dusk`;
		load('view.dusk.' + name)
			.then(view => Promise.resolve(view.load ? view.load() : null).then(data => view.render(data)))
			.then(show)
			.catch(error => show(E('p', { 'class': 'alert-message danger', role: 'alert' }, error.message)));
	}

	globalThis.DuskHost = {
		define: (name, needs, make) => defined.set(name, [needs, make]),
		isActive: () => Date.now() - acted < ACTIVE_MS,
		post, show, start, ui
	};
	globalThis.E = E;
	globalThis._ = text => text;
})();
