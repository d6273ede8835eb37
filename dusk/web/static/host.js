/* The part of LuCI's client that the views use (specs/luci-subset.md), where there is no LuCI. */
'use strict';

(function() {
	const RESOURCES = '/luci-static/resources/';
	const REQUEST_MS_MAX = 20000;
	const meta = name => document.querySelector(`meta[name="${name}"]`).content;

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

	/* --- asking ---------------------------------------------------------------------------- */

	let queue = [], number = 0;

	function send() {
		const asked = queue;
		queue = [];
		fetch('/ubus', {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', 'X-Dusk-Token': meta('dusk-token') },
			body: JSON.stringify(asked.map(one => one.call)),
			signal: AbortSignal.timeout(REQUEST_MS_MAX)
		}).then(answer => {
			if (answer.status === 401 || answer.status === 403)
				location.reload();
			if (!answer.ok)
				throw new Error(`the page answered with ${answer.status}`);
			return answer.json();
		}).then(said => {
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

	globalThis.DuskHost = { define: (name, needs, make) => defined.set(name, [needs, make]) };
	globalThis.E = E;
	globalThis._ = text => text;

	document.getElementById('logout').addEventListener('click', () => {
		sessionStorage.clear();
		fetch('/web/logout', { method: 'POST', headers: { 'X-Dusk-Token': meta('dusk-token') } })
			.finally(() => location.replace('/'));
	});

	const place = document.getElementById('view');
	load('view.dusk.' + meta('dusk-view'))
		.then(view => Promise.resolve(view.load ? view.load() : null).then(data => view.render(data)))
		.then(node => content(place, node))
		.catch(error => content(place, E('p', { 'class': 'alert-message danger', role: 'alert' }, error.message)));
})();
