'use strict';
'require baseclass';

/* Which options hold a secret: those that the daemon takes for one, so that nobody types one to be read, which would be
 * refused then. Names and endings are those of the log's format; a test holds them to it. */

const USUAL = new Set([
	'access_key', 'acct_secret', 'api_key', 'api_token', 'apikey', 'auth_pass', 'auth_secret',
	'client_secret', 'dae_secret', 'ft_key', 'key', 'key1', 'key2', 'key3', 'key4', 'mesh_key', 'pass',
	'passphrase', 'passwd', 'password', 'password_encryption_key', 'pin', 'pincode', 'pre_shared_key',
	'preshared_key', 'priv_key2_pwd', 'priv_key_pwd', 'private_key', 'private_key2_passwd',
	'private_key_passwd', 'privkey', 'psk', 'puk', 'r0kh', 'r1kh', 'radius_secret', 'sae_password',
	'secret', 'secret_key', 'server_private_key', 'shared_secret', 'token', 'wep_key', 'wpa_psk',
	'wpakey'
]);
const ENDINGS = [ '_password', '_passwd', '_passphrase', '_secret', '_psk', '_private_key', '_token' ];

return baseclass.extend({
	/* Whether an option is a secret. `further` are those that the cluster takes for one besides, in lower case. */
	has: function(option, further) {
		const name = option.toLowerCase();
		return USUAL.has(name) || ENDINGS.some(ending => name.endsWith(ending)) || further.includes(name);
	}
});
