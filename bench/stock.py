# SPDX-License-Identifier: GPL-2.0-or-later
"""What a centre is without Loggia: FreeRADIUS with what it comes with. The other servers of `make bench-federation`.

All have the threads, limits, clients and signed answers of conf/centre. They are spared what costs the stock server
most to do: an address that has to be rewritten is in the request in both directories' spellings."""

FRAME = """
prefix = /usr
logdir = {dir}
run_dir = {dir}
libdir = /usr/lib/freeradius
max_request_time = 10
cleanup_delay = 5
max_requests = 131072
hostname_lookups = no
proxy_requests = no
log {{
	destination = stdout
	auth = no
}}
security {{
	max_attributes = 200
	reject_delay = 0
	status_server = yes
}}
thread pool {{
	start_servers = 32
	max_servers = 32
	min_spare_servers = 8
	max_spare_servers = 32
	max_queue_size = 131072
	max_requests_per_server = 0
	auto_limit_acct = no
}}
client bench {{
	ipaddr = 127.0.0.1
	secret = "{secret}"
	require_message_authenticator = yes
}}
modules {{
	always reject {{
		rcode = reject
	}}
	always ok {{
		rcode = ok
	}}
	{modules}
}}
server bench {{
	listen {{
		type = auth
		ipaddr = 127.0.0.1
		port = {port}
		recv_buff = 4194304
	}}
	authorize {{
		{authorize}
	}}
	authenticate {{
	}}
	post-auth {{
		update reply {{
			&Message-Authenticator := 0x00
		}}
		Post-Auth-Type REJECT {{
			update reply {{
				&Message-Authenticator := 0x00
			}}
		}}
	}}
}}
"""

ALWAYS = """
		update control {
			&Auth-Type := Accept
		}
		ok
"""

LDAP = """
	ldap {name} {{
		server = "127.0.0.1"
		port = {port}
		identity = "{identity}"
		password = "{password}"
		base_dn = "{base}"
		update {{
			{update}
		}}
		user_dn = "LDAP-UserDn"
		user {{
			base_dn = "${{..base_dn}}"
			filter = "{filter}"
		}}
		group {{
			{group}
		}}
		options {{
			chase_referrals = no
			rebind = no
			res_timeout = {res_timeout}
			srv_timelimit = {srv_timelimit}
			net_timeout = 1
			idle = 60
			probes = 3
			interval = 3
		}}
		pool {{
			start = 8
			min = 8
			max = 32
			spare = 24
			uses = 0
			retry_delay = {retry_delay}
			lifetime = 0
			idle_timeout = 60
		}}
	}}
"""

# Ask both, one after the other; what was found says which profile.
BOTH = """
		comune
		provincia
		if (!&control:Tmp-String-0 && !&control:Tmp-String-1) {
			reject
		}
		if (&control:Tmp-String-1 == "TRUE") {
			reject
		}
		if (&control:Tmp-String-0 == "dipendente") {
			update reply {
				&Class := "staff:bench"
			}
		}
		elsif (&control:Tmp-String-0) {
			update reply {
				&Class := "resident:bench"
			}
		}
		elsif (&control:provincia-LDAP-Group == "banda-larga") {
			update reply {
				&Class := "provincia-fast:bench"
			}
		}
		else {
			update reply {
				&Class := "provincia:bench"
			}
		}
		update reply {
			&Session-Timeout := 43200
			&Idle-Timeout := 1800
			&Acct-Interim-Interval := 300
			&WISPr-Bandwidth-Max-Up := 10000000
			&WISPr-Bandwidth-Max-Down := 20000000
		}
		update control {
			&Auth-Type := Accept
		}
"""

# What a pass is without Loggia: one more question, to the same database.
SQL = """
	sql {{
		driver = "rlm_sql_sqlite"
		dialect = "sqlite"
		sqlite {{
			filename = "{database}"
			busy_timeout = 500
		}}
		radius_db = "loggia"
		acct_table1 = "radacct"
		acct_table2 = "radacct"
		read_clients = no
		read_groups = no
		read_profiles = no
		sql_user_name = "%{{User-Name}}"
		query_timeout = 2
		pool {{
			start = 8
			min = 8
			max = 32
			spare = 24
			uses = 0
			retry_delay = 1
			lifetime = 0
			idle_timeout = 0
		}}
	}}
"""

WITH_PASSES = """
		update control {
			&Tmp-String-2 := "%{sql:SELECT COALESCE((SELECT CASE WHEN paused <> 0 THEN 'paused' ELSE CAST(expires - %l AS TEXT) END FROM passes WHERE device = '%{User-Name}' AND expires > %l), 'none')}"
		}
""" + BOTH

CACHE = """
	cache {
		driver = "rlm_cache_rbtree"
		key = "%{User-Name}"
		ttl = 3600
		max_entries = 2000000
		add_stats = no
		update {
			&reply: += &reply:
			&control:Auth-Type := &control:Auth-Type
		}
	}
"""

CACHED = """
		update control {
			&Cache-Read-Only := yes
		}
		cache
		if (notfound) {
""" + BOTH + """
			cache
		}
"""


def both_directories(centre, seconds=None):
    """Two rlm_ldap. seconds: every timeout is that; None: as the server comes."""
    comune, provincia = centre.comune, centre.provincia
    times = {"res_timeout": seconds or 10, "srv_timelimit": seconds or 3, "retry_delay": seconds or 30}
    return LDAP.format(
        name="comune", port=comune.port, identity=comune.bind_dn, password=comune.password,
        base=f"ou=persone,{comune.suffix}", filter="(&(objectClass=ieee802Device)(macAddress=%{Connect-Info}))",
        update="&control:Tmp-String-0 := 'employeeType'", group="", **times) + LDAP.format(
            name="provincia", port=provincia.port, identity=provincia.bind_dn, password=provincia.password,
            base=f"ou=utenti,{provincia.suffix}", filter="(&(objectClass=provUtente)(provDispositivo=%{Filter-Id}))",
            update="&control:Tmp-String-1 := 'provSospeso'",
            group=f"""base_dn = "ou=gruppi,{provincia.suffix}"
			filter = "(objectClass=provGruppo)"
			name_attribute = "provNome"
			membership_filter = "(provMembro=%{{control:LDAP-UserDn}})"
			cacheable_name = yes""", **times)


def configuration(kind, centre, directory, port, secret):
    modules, authorize = {
        "always": ("", ALWAYS),
        "stock": (both_directories(centre), BOTH),
        "passes": (SQL.format(database=centre.database) + both_directories(centre), WITH_PASSES),
        "tuned": (both_directories(centre, 1), BOTH),
        "cached": (CACHE + both_directories(centre), CACHED),
    }[kind]
    return FRAME.format(dir=directory, port=port, secret=secret, modules=modules, authorize=authorize)
