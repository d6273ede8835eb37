"""Every bound in one place, each with its reason (R10).

Units stand last in the names. A bound that both sides must share is part of the wire
format: changing it is a new protocol version.
"""

# --- the log -----------------------------------------------------------------------------
VALUE_BYTES_MAX = 64 * 1024
"""One record's value: a managed file or a long list, never firmware."""
CHANGE_BYTES_MAX = 256 * 1024
"""One signed change with its values: the largest import of a whole router, several times."""
ENTRY_BYTES_MAX = 256 * 1024
"""An entry names each touched section with 32 bytes of hash; far above any real one."""
OPERATIONS_MAX = 4096
"""Operations in one change: every option of the longest firewall known, twice."""
ABSENT_CYCLES_MIN = 36
"""For so many cycles a member was not heard before another takes its place by a label: three minutes usually,
longer than a router takes to start again."""
REMOVAL_BYTES_MAX = 48 * 1024
"""What proves to a device that it was removed: an entry, a change without values, digests, a signed head."""
RETURN_RECORDS_MAX = 2048
"""What is written where a device comes back by itself: the entry names each section."""
SIGNATURES_MAX = 32
"""Signatures on one change: quorums are of people."""
MESSAGE_BYTES_MAX = 1024
"""The author's message."""
PROPOSALS_MAX = 16
"""Proposals of one author that wait for signatures: they are in everybody's log."""
PASSED_MAX = 256
"""Grants that one key ever passed on: each costs every device some hundred bytes for good."""
PROPOSAL_BYTES_MAX = 65_000
"""A proposed change, so that it fits a record."""
ROLLOUTS_MAX = 8
"""Rollouts under way at once: each has the state keep what was before it."""
WAVES_MAX = 100
"""Waves of one rollout."""
WAVE_PART_DEVICES_MAX = 3000
"""Devices that one record of a wave names, so that it fits a value."""
FORMER_RECORDS_MAX = 8192
"""Records that are kept as they were before rollouts under way: two of the largest changes."""
FORMER_BYTES_MAX = 1024 * 1024
"""Their bytes, which every device has in memory and a checkpoint hands on."""
PUT_BACK_BYTES_MAX = 240 * 1024
"""What the change takes that puts back all that a rollout brought, so that one can: below `CHANGE_BYTES_MAX`
by message, signatures and what a signer adds."""
LOGIN_DEVICES_MAX = 1024
"""Devices on the owners' list of where people log in; with more, all may."""
SECRET_NAMES_MAX = 256
"""Options that a cluster takes for secrets beside the usual ones."""
SECRET_BYTES_MAX = 60 * 1024
"""A sealed value with its padding: a record has its K's id beside it."""
SECRET_VALUES_MAX = 1024
"""Items of a secret list."""
SECRETS_SOUGHT_MAX = 32
"""Keys that a device asks another for at once: it has a handful of policies."""
SECRETS_ELSEWHERE_MAX = 4
"""Addresses of members who have what the asked one has not."""
SECRETS_KEPT_MAX = 128
"""Keys that a device was handed and that it keeps, wrapped, until the log has them for it."""
WRAP_BYTES_MAX = 400
"""A key wrapped to one reader; the longest path of a section makes some 320."""
WRAPS_PER_RECORD_MAX = 64
"""A further reader costs the log one such record anew, 13 KiB with usual paths."""
WRAP_RECORDS_MAX = 256
"""Of one section: room for 10,000 readers and a rotation under way."""
SUCCESSION_MAX = 16
"""Devices that may lead: each costs a certificate 80 bytes."""
ROLE_LINE_CHARACTERS_MAX = 16 * 1024
"""A forced role as a line of text: a succession, marks of its devices, and signatures."""
RECOVERY_LINE_CHARACTERS_MAX = 64 * 1024
"""A recovery as a line of text: a new owner, and some hundred devices and people who are revoked."""
CERTIFICATE_ACKS_MAX = 2 * SUCCESSION_MAX
"""A changed succession is settled by the old holders and the new ones."""
CERTIFICATE_BYTES_MAX = 4096
"""So many acknowledgements with their ids, and a head."""
SIGNED_HEAD_BYTES_MAX = 512
"""A signed head has some 180."""
SECTION_BYTES_MAX = 191
"""A section path: three components of 63 bytes with their slashes."""
RECORD_KEY_BYTES_MAX = 512
"""A record's key: package, a section address with matches, option."""
PATH_COMPONENTS_MAX = 3
"""``device/<id>/config`` is the deepest section."""
EPOCH_JUMP_MAX = 2**20
"""A5: an epoch may not be pushed to its end."""
NUMBER_MAX = 2**53 - 1
"""Counters, positions, times: exact in every JSON reader too."""
BRANCH_STEPS_MAX = 4096
"""Entries that a log can take back at once for another branch; a fork beyond is shown to people and stays."""
BRANCH_BYTES_MAX = 4 * 1024 * 1024
"""Their bytes, which stay in memory while they are not settled."""
BRANCH_SETTLED_STEPS_MAX = 256
"""Of settled entries: what a lost master alone had, before owners forced its role."""
BRANCHES_MAX = 16
"""Replaced branches in memory; only those of which all stands in the log are forgotten."""
CHECKPOINT_STEP = 256
"""Owners attest the state at multiples of this: small beside what is kept anyway, and rarely to hash."""
RETENTION_ENTRIES = 256
"""Of the newest entries all is kept, for people: weeks of a busy desk, a quarter of a megabyte."""
MILESTONES_MAX = 16
"""Positions that may be attested at once: owners have 4,096 entries to agree on one."""
FOUNDATION_BYTES_MAX = 8 * 1024 * 1024
"""A checkpoint with all that is kept below it: 100,000 entries; 10,000 over 200 records have 0.8 MiB."""
FOUNDATION_ITEMS_MAX = 2**17
"""Items of all its arrays, 25,000 records: they are built before any signature in it can be checked (A6)."""
FOUNDATION_BYTES_PER_ITEM_MIN = 4
"""Fewer have none, with the 64 bytes of each entry: a small one may not be as dear as the largest."""
ROOM_ITEMS_MAX = FOUNDATION_ITEMS_MAX // 8 * 7
"""Of sections, records and numbers, up to where others than owners add: the rest is for owners, and for
changes without effect."""
ROOM_SECTIONS_MAX = 7168
"""Likewise seven eighths of the sections that a foundation has."""
ROOM_SECTION_RECORDS_MAX = 4096
"""Of one section: a grant for one alone takes a fifth of the room."""
ROOM_BYTES_MAX = 4 * 1024 * 1024
"""Of the same: half of a foundation, the other half is for what is kept of the entries."""
FOUNDATION_TERMS_MAX = 4096
"""Successions so far; each took owners' signatures."""
FOUNDATION_OUTCOMES_MAX = 2**14
"""Changes without effect: a sixth of all entries that fit."""
FOUNDATION_SECTIONS_MAX = 2**13
"""Three of each of 2,500 members, and some."""
FOUNDATION_RECORDS_MAX = 2**14
"""Of one section, tombstones too: four changes as large as any."""
FOUNDATION_NUMBERS_MAX = 2**15
"""A counter of each author at each of his devices, uses of each join key."""
FOUNDATION_KEPT_MAX = 4096
"""Changes of the owners so far, the newest forced roles, and the newest changes without effect."""
PIECE_BYTES_MAX = 60_000
"""A piece of it on the disk and on a stream."""
KEPT_ITEM_BYTES_MAX = ENTRY_BYTES_MAX + CHANGE_BYTES_MAX + 64
"""An entry with its change."""
CONFLICTS_KEPT_MAX = 64
"""Changes without effect below a checkpoint, the newest: as many as people are ever shown."""
ROLES_KEPT_MAX = 64
"""Forced roles below a checkpoint, the newest: who parted from the log before judges the first."""

# --- datagrams ---------------------------------------------------------------------------
DATAGRAM_BYTES_MAX = 1200
"""UDP payload: below the IPv6 minimum MTU of 1280 with its headers."""
ECHOES_MAX = 8
"""Challenges answered in one START; the rest get a PONG."""
DATA_BYTES_MAX = 16 * 1024
"""A batch for multicast; what is larger goes by catch-up."""
FRAGMENT_BYTES_MAX = 1100
"""Of a batch in one DATA; header, seal and array around it stay below 1,200."""
FRAGMENTS_MAX = 15
"""DATA_BYTES_MAX in pieces of FRAGMENT_BYTES_MAX."""
BUNDLE_ANSWERS_MAX = 16
"""Answers in one BUNDLE: the shortest have more than 100 bytes."""
BATCHES_MAX = 8
"""Batches under reassembly, and sent ones kept for repetition: 128 KiB either way."""
REQUESTS_MAX = 8
"""Questions of a member for missing DATA of one START: over half a second of them."""
SLICE_MEMBERS_MAX = 256
"""Members that answer in one cycle, besides the holders of the succession."""
CHALLENGES_MAX = 64
"""Challenges waiting for an echo; more than one cycle's worth of a booting site."""
ACKNOWLEDGED_HEADS_MAX = 8
"""Heads of which a master collects acknowledgements: what is written faster settles with a later one."""
ADDRESSES_MAX = 256
"""Where members are: 18 KiB; whoever is not among them is on the link of one that is, or asks by itself."""
GROUP_KEYS_MAX = 4
"""Group keys a member accepts: those in flight while a new one spreads."""
STATUS_BYTES_MAX = 16 * 1024
"""A signed status: some hundred packages."""
START_REST_BYTES_MAX = 1024
"""What a START says besides the head: 160 bytes, and a certificate."""
CERTIFICATE_IN_START_BYTES_MAX = 840
"""Acknowledgements of nine holders; a larger certificate goes by catch-up."""
STATUS_IN_RESPOND_BYTES_MAX = 768
"""A larger status goes by a stream; the rest of a RESPOND stays below 432."""
DRIFT_MAX = 65_535
"""Options that were changed on a device, as its status counts them: above any router's number of options."""
SETTINGS_IN_EFFECT_MAX = 65_536
"""Settings that a device remembers to have in effect, 8 bytes each: a change has 4,096 at most."""
HEALTH_BYTES_MAX = 128
"""Unsigned figures in a RESPOND."""
WORD_BYTES_MAX = 63
"""A stable word for programs, such as ``outside-grant``."""
REASON_BYTES_MAX = 200
"""A line for people in an ANSWER or a status."""
OUTBOX_MAX = 256
"""Changes of this device without an outcome: a long partition of a busy desk."""
SUBMITS_MAX = 64
"""Changes of one author on their way to the writer at once: less than its socket takes in a burst."""
RELAYED_MAX = 32
"""Changes of others on their way to the writer, in memory alone: at most 8 MiB."""
MEMBERS_MAX = 10_000
"""Bitmaps and tables are sized by this."""

WRITTEN_BATCHES_MAX = 2
"""Batches of DATA that one START announces: of those kept for repair they are a quarter."""
WRITER_QUEUE_MAX = 1024
"""Changes of others that wait for the next batch; a sender has at most as many as are left free."""
WRITER_QUEUE_BYTES_MAX = 2 * 1024 * 1024
"""The same in bytes: memory of a router."""
REFUSED_PER_SENDER_MAX = 8
"""Signatures of refused changes of one sender in one turn: 3 ms on a desktop, tens on a router."""
REFUSED_PER_TURN_MAX = 64
"""The same of all senders: a turn stays far below a cycle, and many liars cannot add up."""
QUOTA_CHANGES = 256
"""Changes of one key that was granted nothing, on top of one checkpoint: a router tells other facts once in
an hour at most, so that is ten days of one which never stops."""
QUOTA_BYTES = 256 * 1024
"""The same in bytes of entries: a stolen access point costs a small flash no more of its log than that."""
QUOTA_KEYS_MAX = 4096
"""Keys that are counted: the most that wrote last; routers write their facts once in a release."""

WAITING_REPLIES_MAX = 4096
"""Submitters that are answered by datagram when their change is written; more ask again."""

# --- streams -----------------------------------------------------------------------------
FRAME_BYTES_MAX = 65_535
"""A Noise message, tag included (Noise 3)."""
CHUNK_BYTES_MAX = 60_000
"""Log bytes in one catch-up answer, unless a single entry is larger."""
REQUEST_BYTES_MAX = CHANGE_BYTES_MAX + 4096
"""One reassembled request or answer on a stream."""
LOCATOR_MAX = 64
"""Positions in a locator: every power of two of any log."""
HANDSHAKES_MAX = 32
"""Unauthenticated streams at once; A7."""
HANDSHAKES_PER_ADDRESS_MAX = 4
"""The same from one address."""
STREAM_IDLE_S_MAX = 10.0
"""A stream without a whole frame for this long is closed."""
STREAM_BYTES_PER_S_MIN = 512
"""Floor on an open stream's rate, so that trickling does not hold a place."""
FRAGMENT_BYTES = 8192
"""What each frame of a message carries but the last: one in STREAM_IDLE_S_MAX is above the floor."""
ITEM_BYTES_MIN = 128
"""An item that is gathered counts as so many at least; no honest one has fewer."""
ANSWER_BYTES_MAX = 640 * 1024
"""One answer: a chunk and one more of the largest entries with its change."""
JOIN_BYTES_MAX = 4096
"""All that a stranger may send: a request to join, with a label of 255 bytes."""
UNANCHORED_BYTES_MAX = 4 * 1024 * 1024
"""Of a joiner's log, in memory until it has the entry that the join key names; more is stored."""
UNSIGNED_BYTES_MAX = 1024 * 1024
"""Fetched entries that wait for a signed head; a writer signs one at least this often."""
HANDSHAKE_S_MAX = 5.0
"""From accepting, or opening, a stream to the end of its handshake."""
ANSWER_S_MAX = 30.0
"""How long a server waits for the outcome of a request to join or a change."""
EXCHANGE_S_MAX = 600.0
"""One stream in all; who needs longer comes again and goes on where it was."""
SERVED_MAX = 32
"""Members served at once."""
CATCH_UPS_MAX = 2
"""Peers fetched from at once: a slow one does not keep a device behind."""
USELESS_S_MAX = 30.0
"""A catch-up that brought nothing for so long makes room for one with another peer."""
QUESTION_BYTES_MAX = 4096
"""What a question may bring along: an order with the signatures of 32 people is shorter."""
QUESTION_READER_BYTES_MAX = 256
"""A person's key id, a key of his session and a signature are half of it."""
TOLD_BYTES_MAX = 544 * 1024
"""An answer: the largest UCI file, sealed."""
TOLD_REASON_BYTES_MAX = 512
"""Why there is none, in a line for people."""
QUESTION_S_MAX = 10.0
"""How long a device may look for an answer; programs that tell of radios are slow."""
INQUIRY_S_MAX = 25.0
"""From a person's question to its answer, with finding the device."""
INQUIRIES_MAX = 32
"""Questions of the people at one device under way."""
INQUIRIES_OF_ONE_MAX = 8
"""Of one person among them, or of all who have not logged in: readers leave places for who signs."""
HEALTH_TEXT_BYTES_MAX = 128
"""A name, an address with its length, a band."""
HEALTH_INTERFACES_MAX = 256
"""Interfaces that a device tells of, the first by name: a router with all its VLANs has fewer."""
HEALTH_ADDRESSES_MAX = 16
"""Of one of them."""
HEALTH_RADIOS_MAX = 16
"""Radios that it tells of."""
DRIFT_ROWS_MAX = 200
"""Differences that a device tells; it counts the others: nobody reads more of them."""
DRIFT_TOLD_BYTES_MAX = 64 * 1024
"""All that it tells: in hexadecimal it fits a line of the control socket, beside what is shown of it."""
DRIFT_KEY_BYTES_MAX = 1024
"""A KEY, and one with the name of a section that an `each` made."""
DRIFT_VALUES_MAX = 1024
"""Items of one list."""
FILES_ASKED_MAX = 16
"""Packages whose files one question asks for; the usual ones are five."""
FILES_TOLD_BYTES_MAX = 64 * 1024
"""All that is told of files: as lines of settings it is some four times that, which one change holds."""
FILE_SECTIONS_MAX = 4096
"""Sections of a file that is told, and options of one of them; the bytes bound them sooner."""
CONSULTS_MAX = 8
"""Questions of other members that are being answered."""
ORDER_CHALLENGE_S_MAX = 60.0
"""An order comes within seconds of its challenge; a person may be asked between the two."""
ORDER_CHALLENGES_MAX = 64
"""Challenges that wait for their order; the oldest gives way."""
ORDER_CHALLENGES_PER_MEMBER_MAX = 4
"""Of one member: nobody pushes out those of others."""
HOLD_S_MAX = 365 * 86_400
"""A hold that is to last longer than a year has no end."""
QUESTIONS_AT_ONCE = 16
"""Of one member, after a while without any: a page that shows a device asks a handful."""
QUESTIONS_PER_S = 2.0
"""Of one member, as long as it likes."""
BACK_OFF_S_MIN = 2.0
"""After a failed exchange; doubles with each."""
BACK_OFF_LIAR_S_MIN = 60.0
"""After bytes that no honest peer sends (A9)."""
BACK_OFF_S_MAX = 600.0
"""However often it failed: a repaired peer is found again."""
BACK_OFFS_MAX = 256
"""Peers remembered as failed."""
REFUSED_PLANS_MAX = 16
"""Checkpoints that were fetched and refused: 4 KiB of hashes each, and 8 MiB that are not fetched again."""
JOIN_CANDIDATES_MAX = 8
"""Members that a joiner has heard and not tried yet."""

# --- keys --------------------------------------------------------------------------------
ARGON2_MEMORY_KIB_MIN = 8 * 1024
"""A sealed key with less would be cheap to guess at (A22)."""
ARGON2_MEMORY_KIB_MAX = 64 * 1024
"""Half of the smallest router's memory; more would fell it."""
ARGON2_PASSES_MIN = 2
"""One pass is open to trade-offs of time for memory."""
ARGON2_PASSES_MAX = 8
"""With the most memory: seconds on a small router."""
ARGON2_LANES = 1
"""libsodium computes Argon2id with one lane only; others could not check our keys with it."""
SEALED_KEY_BYTES_MAX = 256
"""A sealed user key has some 130."""
PENDING_MAX = 1024
"""Devices that wait for a person to let them in, at the leader: 4 MiB at most."""
PENDING_PER_KEY_MAX = 256
"""Of these by one join key: one that leaked is not in the way of the others."""
PENDING_S_MAX = 7200.0
"""Who has not asked again for so long waits no more."""
PENDING_ASK_S_MAX = 30.0
"""Between two requests of a device that waits for a person: it is in soon after the word was given."""
WHY_BYTES_MAX = 63
"""The word that says what a request to join waits for."""
EXPECTED_VARIABLES_MAX = 64
"""Variables that are set aside for one expected device."""
JOIN_LINE_BYTES_MAX = 2048
"""A join key with all its addresses."""
JOIN_ADDRESSES_MAX = 8
"""Hints for a joiner; one that answers is enough."""
ADDRESS_BYTES_MAX = 128
"""``host:port`` as text, with a scope."""

STREAM_ANSWER_S_MAX = 35.0
"""How long an initiator waits for the next frame: a join may be answered after 30 s."""
STREAM_CONNECT_S_MAX = 5.0
"""How long opening a TCP connection may take on a lossy link."""
STREAM_SEND_BYTES_MAX = 1024 * 1024
"""Queued for one peer: the largest answer, several times."""
STREAMS_MAX = 64
"""Streams at once in all; a hundred members that catch up come one after the other."""

# --- the control socket -------------------------------------------------------------------
CONTROL_LINE_BYTES_MAX = 512 * 1024
"""One JSON line: rpcd dies of replies over 1 MiB."""
COPY_BYTES_MAX = 64 * 1024
"""Of a log that is copied over the control socket, in one answer: what one signed head covers may be more."""

# --- files ---------------------------------------------------------------------------------
UCI_FILE_BYTES_MAX = 512 * 1024
"""A UCI file: the longest seen is a tenth of this."""
MEMORY_BYTES_MAX = 256 * 1024
"""What a device remembers of the time before Dusk: all files of a router, some times over."""
MANAGED_FILE_BYTES_MAX = 48 * 1024
"""Content of a file beside UCI: a script or a banner; a record has room for it, and so has a line as JSON."""
MANAGED_FILES_MAX = 64
"""Of one device: a request to the helper names them all in one line, beside its packages."""
MANAGED_FILES_BYTES_MAX = 512 * 1024
"""Of one device together: it holds them twice in memory while it applies, and its journal three times."""
FILE_KEY_BYTES_MAX = 128
"""``file:`` and a path; the helper's journal has file names of it."""
SELECTOR_FACTS_MAX = 16
"""Facts by which a group selects devices: a board and a release are two."""
SELECTOR_VALUES_MAX = 64
"""Values of one fact of which a device has one: the models of a large house."""
SELECTOR_VALUE_BYTES_MAX = 1024
"""One of them: as large as a fact."""
MADE_CHARACTERS_MAX = 1024 * 1024
"""What variables make of one device's settings, and `each` of one file's: twice the largest file. Sixty bytes
of the log may stand for 64 KiB, and every device in scope has them in memory (A6)."""
MADE_TEXT_CHARACTERS = 16
"""A text that is made counts as so many more: an empty one takes its place in a list, too."""
MADE_OPTION_CHARACTERS = 64
"""An option, or a section, that an `each` makes counts as so many beside its texts."""
EACH_HITS_MAX = 256
"""Sections that one `each` address hits: four radios, or the ports of five large switches."""

# --- the disk ------------------------------------------------------------------------------
FRAME_DATA_BYTES_MAX = CHANGE_BYTES_MAX + ENTRY_BYTES_MAX + 65_536
"""One frame of the log file: an entry with its change and their wrapping."""
STORE_BYTES_MAX = 2**31
"""The log file; positions in it have 32 bits, and no router has as much flash."""
SMALL_FILE_BYTES_MAX = 4 * 1024 * 1024
"""One small file of the node's folder: a draft that imports everything is a tenth of it."""
SMALL_FILES_MAX = 10_000
"""Small files in the node's folder; an outbox of this length has waited for years."""

# --- the shell -----------------------------------------------------------------------------
RECEIVE_BATCH_MAX = 64
"""Datagrams, or connections, taken from one socket before others get their turn."""
ROUTES_MAX = 4096
"""Remembered answers to the question from which address to send."""
INBOX_DATAGRAMS_MAX = 1024
"""Datagrams that wait for the node: over 1 MB of them; the rest is dropped as on the wire."""
INBOX_STREAM_INPUTS_MAX = 64
"""Frames of streams that wait for the node; then their readers stop reading."""
INBOX_BATCH_MAX = 128
"""Inputs of one kind in one round, so that a round stays short."""
TICKETS_MAX = 256
"""Pieces of long work that are remembered."""
TICKET_KEPT_S_MAX = 600.0
"""How long an ended one is, for whoever lost the connection."""
CONTROL_CONNECTIONS_MAX = 32
"""Clients of the control socket at once: rpcd, a few terminals."""
CONTROL_EVENTS_MAX = 256
"""Events that wait for one subscriber; then the oldest are lost."""
CONTROL_LINE_S_MAX = 10.0
"""From a line's first byte to its last, either way."""
CONTROL_IDLE_S_MAX = 600.0
"""A client that neither asks nor listens."""
SESSIONS_MAX = 64
"""People logged in at one device; the one idle for longest goes."""
SESSION_IDLE_S_MAX = 15 * 60.0
"""A forgotten terminal."""
SESSION_S_MAX = 12 * 3600.0
"""A working day, whatever happens in it."""
LOGINS_WAITING_MAX = 8
"""Logins that wait for their turn; each costs half a second on a small router."""
PASSWORD_BYTES_MAX = 1024
"""Nobody types more."""
PASSWORD_CHARACTERS_MIN = 10
"""Of a new one: what it opens lies on every router, so who takes one home tries as fast as he can."""
LOGIN_FREE_TRIES = 3
"""Wrong passwords before pauses begin."""
LOGIN_PAUSE_S_MAX = 300.0
"""Longest pause: 288 guesses a day."""
LOGIN_CHALLENGES_MAX = 64
"""Sessions that are being opened with a key outside the cluster; the oldest gives way."""
CHALLENGE_S_MAX = 60.0
"""A program answers at once; ssh may be slow."""
LOGIN_USERS_COUNTED_MAX = 1024
"""Names whose wrong passwords are counted; names that do not exist among them."""
INTERFACES_MAX = 256
"""Interfaces of this device that an apply looks at: more than any router has."""
