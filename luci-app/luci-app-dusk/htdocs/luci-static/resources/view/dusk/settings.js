'use strict';
'require form';
'require uci';
'require view';

/* This router's own settings, etc/config/dusk: no log says them, and LuCI alone can write them. */

const HELD = '1';

/* What `dusk hold --for` says beside the tick is of that hold alone: the next one has no end, and is none that is over. */
function forgetTime(section) {
	uci.unset('dusk', section, 'hold_for');
	uci.unset('dusk', section, 'hold_since');
}

return view.extend({
	render: function() {
		const map = new form.Map('dusk', _('This router'),
			_('How this router takes part in the cluster. What is said here is its own: no change of the cluster touches it. It is saved like all of LuCI\'s settings, by “Save & Apply” below.'));
		const section = map.section(form.NamedSection, 'main', 'dusk');
		let option;

		section.anonymous = true;
		section.addremove = false;

		option = section.option(form.Flag, 'enabled', _('Dusk runs'));
		option.default = option.enabled;
		option.rmempty = false;

		option = section.option(form.Value, 'name', _('Name that it wants'), _('When it joins. Later it is named under Device.'));
		option.datatype = 'maxlength(63)';
		option.placeholder = _('its host name');

		option = section.option(form.DynamicList, 'interface', _('Interfaces'), _('By which it hears the others, by their names in the kernel.'));
		option.datatype = 'maxlength(15)';
		option.placeholder = 'br-lan';

		option = section.option(form.DynamicList, 'address', _('Addresses'), _('Uses these alone; otherwise all of those interfaces.'));
		option.datatype = 'ipaddr';

		option = section.option(form.DynamicList, 'peer', _('Other networks'), _('Where to ask for routers that multicast does not reach, as behind a VPN.'));
		option.placeholder = '192.0.2.1';

		option = section.option(form.Value, 'port', _('Port'), _('UDP and TCP.'));
		option.datatype = 'port';
		option.placeholder = '3875';

		option = section.option(form.Flag, 'apply', _('Changes the files'), _('Otherwise it keeps the log, and changes nothing here.'));
		option.default = option.enabled;
		option.rmempty = false;

		option = section.option(form.Flag, 'hold', _('Holds still'), _('The brake: nothing is applied and nothing put back as long as it is on. After a hold for a time has ended, it is still ticked: take the tick off, save, and set it again.'));
		option.rmempty = true;
		/* Both are called at each saving: who changes something else ends no hold, and takes no end from one. */
		option.write = function(section, value) {
			if (uci.get('dusk', section, 'hold') !== HELD)
				forgetTime(section);
			uci.set('dusk', section, 'hold', value);
		};
		option.remove = function(section) {
			if (uci.get('dusk', section, 'hold') === HELD)
				forgetTime(section);
			uci.unset('dusk', section, 'hold');
		};

		option = section.option(form.Value, 'window', _('Wait for contact'), _('So many seconds a change may be unconfirmed, before it is put back.'));
		option.datatype = 'range(1,3600)';
		option.placeholder = '90';

		return map.render();
	}
});
