/*
 * How lanes keep their place: the protocol of incident.lanes, with its rules R1 to R11, for exhaustive search by spin.
 * README.md says what is modelled, what is left out, and how a counterexample is replayed.
 *
 * Bounds (-D): EVENTS 1-3 on the event partition, LANES 1-2 on it, OWNERS sessions (assignments) one after the other,
 * each of which may go on as a zombie, RECORDS in the lane partition. A planted bug is -DPLANT_NAME; run_model.py
 * lists them. Bits of a byte are events: bit 0 is offset 0.
 */
#ifndef EVENTS
#define EVENTS 2
#endif
#ifndef LANES
#define LANES 1
#endif
#ifndef OWNERS
#define OWNERS 2
#endif
#ifndef RECORDS
#define RECORDS 6
#endif

/* The promise to look at: 1 nothing lost, 2 order, 3 durable progress not undone, 0 all. */
#ifndef PROMISE
#define PROMISE 0
#endif

#define BIT(e) (1 << (e))
#define ALL (BIT(EVENTS) - 1)
#define BELOW(offset) (BIT(offset) - 1)
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define LOWEST_NOT_IN(bits) (!((bits) & 1) -> 0 : (!((bits) & 2) -> 1 : (!((bits) & 4) -> 2 : 3)))
#define AFTER_HIGHEST(bits) ((bits) & 4 -> 3 : ((bits) & 2 -> 2 : (bits) & 1))

/* Two incidents, whose events take turns; with ONE_INCIDENT all are of one. The lanes' ordering is `incident`. */
#ifdef ONE_INCIDENT
#define EARLIER(e) BELOW(e)
#else
#define EARLIER(e) (BELOW(e) & (((e) & 1) -> 2 : 5))
#endif

/* ---------------------------------------------------------------------------------------------- Kafka */

#define NOTHING 0 /* no record, or one that compaction has removed: offsets stay */
#define CLAIM 1
#define FOLLOWING 2
#define DETACHED 3
#define TOMBSTONE 4

/* Key: lane and epoch. An epoch is a claim's offset; offset 0 is not used, so that 0 says none. */
typedef Record {
  unsigned kind : 3;
  unsigned lane : 1;
  unsigned epoch : 4;
  unsigned settled : 3; /* DETACHED: the cursor and the ranges above it, as one set: what is not in it is owed */
  unsigned stragglers : 3;
  unsigned live_from : 2
};

Record log[RECORDS + 1]; /* the lane partition */
byte log_end = 1;

byte commit_offset; /* the group commit; its metadata names the epoch */
byte commit_epoch;
byte ruler = 1; /* the session with the group's generation */

#ifdef PLANT_EPOCH_NOT_IN_KEY
#define SAME_KEY(i, j) (log[i].lane == log[j].lane)
#else
#define SAME_KEY(i, j) (log[i].lane == log[j].lane && log[i].epoch == log[j].epoch)
#endif

/* ------------------------------------------------------------------------------- sessions of the owners */

#define UNASSIGNED 0
#define CLAIMED 1
#define READING 2
#define OWNING 3

#define IDLE 0
#define SENT 1
#define APPENDED 2

/* What a session knows of a lane. `write` is the record in flight, while READING the last one read. */
typedef Lane {
  bool is_detached;
  unsigned settled : 3;
  unsigned stragglers : 3;
  unsigned live_from : 2;
  unsigned recorded : 2; /* 1 + the highest settled offset in any record of the lane */
  bool must_carry;
  bool is_changed; /* since the last write was started */
  unsigned covers : 3; /* R5: the last acknowledged record's kind */
  unsigned covered_stragglers : 3;
  unsigned covers_below : 2; /* from the first re-attachment on, a detached record covers only what was read then (R7) */
  unsigned in_flight : 2; /* IDLE, SENT, APPENDED */
  unsigned write_covers_below : 2; /* the same for the write in flight */
  Record write
};

typedef Owner {
  unsigned phase : 2;
  unsigned epoch : 4;
  unsigned position : 4; /* READING: of the lane partition */
  unsigned rules_epoch : 4; /* E of R2 */
  unsigned next : 2; /* the shared read's next offset */
  unsigned committed : 2; /* as acknowledged, or read */
  bool has_committed;
  unsigned commit_sent : 3; /* 0 none, else 1 + the offset */
  Lane lane[LANES]
};

Owner owner[OWNERS + 1];

/* ------------------------------------------------------------------------------------------ the judge */

byte delivered[LANES]; /* the receivers' journals */
byte durable[LANES]; /* what a new owner would not have been owed any more, at some time, by the ruler's writes */

/* What is found wrong; asserted to be 0, so that spin names the promise. */
hidden byte lost; /* P1: neither delivered nor owed */
hidden byte overtaken; /* P2: an earlier event of the incident, not delivered yet */
hidden byte undone; /* P3: owed again */

hidden byte owed;
hidden byte last;
hidden byte scan;
hidden byte at;
hidden byte count;
hidden byte epoch_read;

/* Into `owed`: what a lane owes by a record of that kind and the commit. */
#define OWED(kind_, settled_, stragglers_, live_from_, commit_) \
  ((kind_) == DETACHED -> (ALL & ~(settled_)) : \
   ((kind_) == FOLLOWING -> ((stragglers_) | (ALL & ~BELOW(MAX(commit_, live_from_)))) : (ALL & ~BELOW(commit_))))

inline compare(lane_) {
  lost = ALL & ~delivered[lane_] & ~owed;
  undone = owed & durable[lane_];
#if PROMISE == 0 || PROMISE == 1
  assert(lost == 0);
#endif
#if PROMISE == 0 || PROMISE == 3
  assert(undone == 0);
#endif
  lost = 0;
  undone = 0;
}

#define IS_LANE_RECORD(i) (log[i].kind >= FOLLOWING)

/* R2: the epoch whose records count is named by the commit; nothing else says it. */
inline read_epoch(before) {
#ifdef PLANT_EPOCH_FROM_CLAIMS
  epoch_read = 0;
  scan = 1;
  do
  :: scan < before ->
     if
     :: log[scan].kind == CLAIM -> epoch_read = scan
     :: else
     fi;
     scan++
  :: else -> break
  od;
  scan = 0
#else
  epoch_read = commit_epoch
#endif
}

#ifdef PLANT_FIRST_RECORD_WINS
#define WINS (last == 0)
#else
#define WINS true
#endif
#ifdef PLANT_ANY_EPOCH_READ
#define COUNTS(i, epoch_) true
#else
#define COUNTS(i, epoch_) (log[i].epoch == (epoch_))
#endif
#ifdef PLANT_EPOCH_NOT_IN_KEY
#define IN_READERS_KEY(i) true
#else
#define IN_READERS_KEY(i) COUNTS(i, epoch_read)
#endif

/* Whatever is written, a new owner that reads it now, as R2 and R3 say, finds all that is not delivered. */
inline judge(is_rulers) {
  read_epoch(log_end);
  at = 0;
  do
  :: at < LANES ->
     last = 0;
     scan = 1;
     do
     :: scan < log_end ->
        if
        :: IS_LANE_RECORD(scan) && log[scan].lane == at && IN_READERS_KEY(scan) && WINS -> last = scan
        :: else
        fi;
        scan++
     :: else -> break
     od;
     /* With the epoch not in the key, the last record stands for all of them, whatever its own epoch. */
     if
     :: last != 0 && COUNTS(last, epoch_read) ->
        owed = OWED(log[last].kind, log[last].settled, log[last].stragglers, log[last].live_from, commit_offset)
     :: else -> owed = OWED(NOTHING, 0, 0, 0, commit_offset)
     fi;
     compare(at);
     if
     :: is_rulers -> durable[at] = durable[at] | (ALL & ~owed)
     :: else
     fi;
     at++
  :: else -> break
  od;
  at = 0; scan = 0; last = 0; owed = 0; epoch_read = 0
}

/* ------------------------------------------------------------------------- one session: its single steps */

#define ME owner[id]
#define MINE(l) owner[id].lane[l]
/* What it writes is what a new owner reads. */
#define RULES (id == ruler && ME.epoch == commit_epoch)
/*
 * A zombie goes on with what it has begun: it takes answers, writes its lanes' records and cleans. With WILD_ZOMBIES it
 * does whatever an owner does.
 */
#ifdef WILD_ZOMBIES
#define DECIDES (ME.phase == OWNING)
#else
#define DECIDES (ME.phase == OWNING && id == ruler)
#endif
#define HAS_ROOM (log_end <= RECORDS)

inline append(kind_, lane_, epoch_, settled_, stragglers_, live_from_) {
  log[log_end].kind = kind_;
  log[log_end].lane = lane_;
  log[log_end].epoch = epoch_;
  log[log_end].settled = settled_;
  log[log_end].stragglers = stragglers_;
  log[log_end].live_from = live_from_;
  log_end++
}

inline forget_record(record) {
  record.kind = NOTHING;
  record.lane = 0;
  record.epoch = 0;
  record.settled = 0;
  record.stragglers = 0;
  record.live_from = 0
}

inline forget_session(s) {
  owner[s].phase = UNASSIGNED;
  owner[s].epoch = 0;
  owner[s].position = 0;
  owner[s].rules_epoch = 0;
  owner[s].next = 0;
  owner[s].committed = 0;
  owner[s].has_committed = false;
  owner[s].commit_sent = 0;
  forget_lane(owner[s].lane[0]);
#if LANES > 1
  forget_lane(owner[s].lane[1])
#endif
}

inline forget_lane(known) {
  known.is_detached = false;
  known.settled = 0;
  known.stragglers = 0;
  known.live_from = 0;
  known.recorded = 0;
  known.must_carry = false;
  known.is_changed = false;
  known.covers = NOTHING;
  known.covered_stragglers = 0;
  known.covers_below = 0;
  known.in_flight = IDLE;
  known.write_covers_below = 0;
  forget_record(known.write)
}

/*
 * A session that has neither the generation nor the epoch that rules changes nothing that anybody reads. It is put out of
 * the way, with its records, to make the search smaller; with DEAD_EPOCHS it goes on.
 */
#ifdef DEAD_EPOCHS
#define MAY_START (id <= ruler)
inline bury_the_dead() { skip }
#else
#define MAY_START (id == ruler)
inline bury_the_dead() {
  at = 1;
  do
  :: at < ruler ->
     if
     :: owner[at].epoch != commit_epoch -> forget_session(at)
     :: else
     fi;
     at++
  :: else -> break
  od;
  at = 1;
  do
  :: at < log_end ->
     if
     :: log[at].epoch != commit_epoch && log[at].epoch != owner[ruler].epoch -> forget_record(log[at])
     :: else
     fi;
     at++
  :: else -> break
  od;
  at = 0
}
#endif

#if defined(WILD_ZOMBIES) || defined(DEAD_EPOCHS)
inline become_zombie(s) { skip }
#else
/* What cannot show in a record any more is made the same, to make the search smaller. */
inline become_zombie(s) {
  owner[s].next = 0;
  owner[s].committed = 0;
  owner[s].commit_sent = 0;
  become_zombies_lane(owner[s].lane[0]);
#if LANES > 1
  become_zombies_lane(owner[s].lane[1])
#endif
}
inline become_zombies_lane(known) {
  known.covered_stragglers = 0;
  known.covers_below = 0;
  known.write_covers_below = 0;
  known.recorded = 0;
  if
  :: known.is_detached
  :: else -> known.settled = ALL & ~known.stragglers
  fi;
  if
  :: !known.is_detached && known.covers == NOTHING && known.stragglers == 0 && known.in_flight == IDLE ->
     forget_lane(known)
  :: else
  fi
}
#endif

/* R1: a claim; its offset is the epoch. Nothing is done between its writing and its acknowledgement: one step. */
#define CAN_CLAIM (ME.phase == UNASSIGNED && MAY_START && HAS_ROOM)
inline claim() {
  ME.epoch = log_end;
  append(CLAIM, 0, 0, 0, 0, 0);
  ME.phase = CLAIMED
}

/* R2 */
#define CAN_READ_COMMIT (ME.phase == CLAIMED)
inline read_commit() {
  read_epoch(ME.epoch);
  ME.rules_epoch = epoch_read;
  epoch_read = 0;
  ME.committed = commit_offset;
  ME.next = commit_offset;
  ME.position = MAX(1, ME.rules_epoch);
  ME.phase = READING;
  skip_what_does_not_count()
}

/*
 * R3: the lane partition from E to its end. The end is reached when there is nothing behind the position, at a moment
 * after the own claim: not at an end that was looked up before the last record was read.
 */
#ifdef PLANT_STOP_AT_CLAIM
#define READ_END (ME.epoch)
#elif defined(PLANT_END_LOOKED_UP_ONCE)
/* The end as it was when the reader had passed its claim. */
byte looked_up[OWNERS + 1];
#define READ_END (looked_up[id] == 0 -> log_end : looked_up[id])
#else
#define READ_END log_end
#endif
#define COUNTS_FOR_ME(i) (IS_LANE_RECORD(i) && COUNTS(i, ME.rules_epoch))
inline skip_what_does_not_count() {
  do
  :: ME.position < READ_END && !COUNTS_FOR_ME(ME.position) -> ME.position++
  :: else -> break
  od;
#ifdef PLANT_END_LOOKED_UP_ONCE
  if
  :: ME.position > ME.epoch && looked_up[id] == 0 -> looked_up[id] = log_end
  :: else
  fi;
#endif
  skip
}

#define CAN_READ_RECORD (ME.phase == READING && ME.position < READ_END)
inline read_record() {
  skip_what_does_not_count();
  if
  :: ME.position < READ_END ->
     at = log[ME.position].lane;
#ifdef PLANT_FIRST_RECORD_WINS
     if
     :: MINE(at).write.kind == NOTHING ->
#endif
     MINE(at).write.kind = log[ME.position].kind;
     MINE(at).write.settled = log[ME.position].settled;
     MINE(at).write.stragglers = log[ME.position].stragglers;
     MINE(at).write.live_from = log[ME.position].live_from;
#ifdef PLANT_FIRST_RECORD_WINS
     :: else
     fi;
#endif
     at = 0;
     ME.position++;
     skip_what_does_not_count()
  :: else
  fi
}

/*
 * Compaction may remove a record behind which there is another of its key, at any moment. Only who reads can tell, so it
 * is done at the last moment at which it matters: before a reader gets there.
 */
#define CAN_COMPACT (CAN_READ_RECORD && IS_LANE_RECORD(ME.position))
inline compact() {
  scan = ME.position + 1;
  do
  :: scan < log_end && !(IS_LANE_RECORD(scan) && SAME_KEY(ME.position, scan)) -> scan++
  :: else -> break
  od;
  if
  :: scan < log_end ->
     forget_record(log[ME.position]);
     skip_what_does_not_count()
  :: else
  fi;
  scan = 0
}

/* What was read becomes what is known. */
#define CAN_TAKE_OVER (ME.phase == READING && ME.position >= READ_END)
inline take_over() {
  count = 0;
  do
  :: count < LANES ->
     owed = OWED(MINE(count).write.kind, MINE(count).write.settled, MINE(count).write.stragglers,
                 MINE(count).write.live_from, ME.committed);
     if
     :: id == ruler -> compare(count)
     :: else
     fi;
     MINE(count).settled = ALL & ~owed;
     if
     :: MINE(count).write.kind == DETACHED ->
        MINE(count).is_detached = true;
        MINE(count).stragglers = MINE(count).write.stragglers;
        MINE(count).recorded = AFTER_HIGHEST(MINE(count).write.settled)
     :: MINE(count).write.kind == FOLLOWING ->
        MINE(count).stragglers = MINE(count).write.stragglers;
        MINE(count).live_from = (MINE(count).write.live_from > ME.committed -> MINE(count).write.live_from : 0);
        skip
     :: else
     fi;
     MINE(count).must_carry = (MINE(count).write.kind == DETACHED || MINE(count).write.kind == FOLLOWING);
     forget_record(MINE(count).write);
     count++
  :: else -> break
  od;
  count = 0;
  owed = 0;
  ME.position = 0;
  ME.rules_epoch = 0;
  ME.phase = OWNING
}

/* The shared read. Sending, and writing lane records, may begin after R3. */
#define CAN_READ_EVENT (DECIDES && ME.next < EVENTS)
inline read_event() { ME.next++ }

/*
 * A sending: the receiver has it at once, the session learns of it later or never. An attempt that failed is one that
 * was not made; one whose answer was lost is made again, which changes nothing here.
 */
#ifdef PLANT_STRAGGLER_OVERTAKEN
#define WAITED_FOR(l, e) (EARLIER(e) & ~MINE(l).stragglers)
#else
#define WAITED_FOR(l, e) EARLIER(e)
#endif
#define IN_ORDER(l, e) ((WAITED_FOR(l, e) & ~MINE(l).settled) == 0)
#define IN_HAND(l, e) (MINE(l).is_detached || (e) < ME.next)
#define CAN_SEND(l, e) (DECIDES && !(delivered[l] & BIT(e)) && IN_HAND(l, e) && \
                        !(MINE(l).settled & BIT(e)) && IN_ORDER(l, e))
inline send(l, e) {
  overtaken = EARLIER(e) & ~delivered[l];
#if PROMISE == 0 || PROMISE == 2
  assert(overtaken == 0);
#endif
  delivered[l] = delivered[l] | BIT(e)
}

/* The 2xx, also of an attempt from before the lane detached. */
#ifdef PLANT_SETTLED_WHEN_SENT
#define IS_TAKEN(l, e) true
#else
#define IS_TAKEN(l, e) (delivered[l] & BIT(e))
#endif
#define CAN_SETTLE(l, e) (ME.phase == OWNING && IS_TAKEN(l, e) && IN_HAND(l, e) && \
                          !(MINE(l).settled & BIT(e)) && IN_ORDER(l, e))
inline settle(l, e) {
  MINE(l).settled = MINE(l).settled | BIT(e);
  if
  :: MINE(l).is_detached || (MINE(l).stragglers & BIT(e)) -> MINE(l).is_changed = true
  :: else
  fi;
  MINE(l).stragglers = MINE(l).stragglers & ~BIT(e)
}

/* An event that holds the commit: failed, or waiting behind one that did, or just slow. */
#define CAN_SET_ASIDE(l, e) (DECIDES && !MINE(l).is_detached && (e) < ME.next && \
                             !((MINE(l).settled | MINE(l).stragglers) & BIT(e)))
inline set_aside(l, e) {
  MINE(l).stragglers = MINE(l).stragglers | BIT(e);
  MINE(l).is_changed = true
}

#define HAS_RECORD(l) (MINE(l).covers != NOTHING)
#define CAN_DETACH(l) (DECIDES && !MINE(l).is_detached && (BELOW(ME.next) & ~MINE(l).settled))
inline detach(l) {
  MINE(l).is_detached = true;
  MINE(l).recorded = MINE(l).live_from;
  MINE(l).live_from = 0;
  MINE(l).is_changed = true
}

/*
 * R7. A catch-up reads by hand, so a detached lane has any event in hand, when it likes. It meets the shared read: all
 * below the shared read's next offset has been read, and what is not settled of it is left as stragglers.
 */
#ifdef PLANT_REATTACH_EARLY
#define READ_BELOW(offset) (BELOW(offset) >> 1)
#else
#define READ_BELOW(offset) BELOW(offset)
#endif
#define CAN_REATTACH(l) (DECIDES && MINE(l).is_detached)
inline reattach(l) {
  MINE(l).is_detached = false;
  MINE(l).stragglers = MINE(l).stragglers | (READ_BELOW(ME.next) & ~MINE(l).settled);
#ifdef PLANT_LIVE_FROM_IS_POSITION
  MINE(l).live_from = ME.next;
#else
  MINE(l).live_from = MAX(ME.next, MINE(l).recorded);
#endif
  if
  :: MINE(l).live_from <= ME.committed || !(HAS_RECORD(l) || MINE(l).must_carry || MINE(l).in_flight) ->
     MINE(l).live_from = 0
  :: else
  fi;
  MINE(l).recorded = 0;
#ifndef PLANT_OLD_RECORD_COVERS
  MINE(l).covers_below = MIN(MINE(l).covers_below, ME.next);
  MINE(l).write_covers_below = MIN(MINE(l).write_covers_below, ME.next);
#endif
  MINE(l).is_changed = true
}

/* R5: what an acknowledged record of the own epoch covers. */
#define COVERED(l) ((MINE(l).covers == DETACHED -> BELOW(MINE(l).covers_below) : MINE(l).covered_stragglers) | \
                    COVERED_BY_PLANT(l))
#ifdef PLANT_RELEASED_WHEN_SENT
#define COVERED_BY_PLANT(l) (MINE(l).in_flight == IDLE -> 0 : \
                             (MINE(l).write.kind == DETACHED -> ALL : MINE(l).write.stragglers))
#else
#ifdef PLANT_STRAGGLER_PASSED_UNRECORDED
#define COVERED_BY_PLANT(l) MINE(l).stragglers
#else
#define COVERED_BY_PLANT(l) 0
#endif
#endif

/*
 * A lane's record is written: at R4 the carry, later the lane's progress. One write of a lane is in flight at a time.
 * A following record needs every event below its `live_from` to be settled or a straggler: it would disown the others.
 */
#ifdef PLANT_FOLLOWING_TOO_SOON
#define CAN_FOLLOW(l) true
#else
#define CAN_FOLLOW(l) ((BELOW(MINE(l).live_from) & ~(MINE(l).settled | MINE(l).stragglers)) == 0)
#endif
#define IS_WORTH_WRITING(l) (MINE(l).must_carry || \
                             (MINE(l).is_changed && (MINE(l).is_detached || MINE(l).stragglers || HAS_RECORD(l))))
#define CAN_WRITE(l) (ME.phase == OWNING && MINE(l).in_flight == IDLE && HAS_ROOM && IS_WORTH_WRITING(l) && \
                      (MINE(l).is_detached || CAN_FOLLOW(l)))
inline start_write(l) {
  MINE(l).in_flight = SENT;
  MINE(l).is_changed = false;
  if
  :: MINE(l).is_detached ->
     MINE(l).write_covers_below = EVENTS;
     MINE(l).write.kind = DETACHED;
     MINE(l).write.stragglers = MINE(l).stragglers;
     MINE(l).write.settled = MINE(l).settled;
#ifdef PLANT_RANGES_NOT_CARRIED
     if
     :: MINE(l).must_carry ->
        MINE(l).write.settled = BELOW(LOWEST_NOT_IN(MINE(l).settled | MINE(l).stragglers)) & ~MINE(l).stragglers
     :: else
     fi;
#endif
#ifdef PLANT_COVERED_IS_SETTLED
     MINE(l).write.settled = MINE(l).settled | COVERED(l);
#endif
     MINE(l).recorded = MAX(MINE(l).recorded, AFTER_HIGHEST(MINE(l).write.settled))
  :: else ->
     MINE(l).write.kind = FOLLOWING;
     MINE(l).write.stragglers = MINE(l).stragglers;
#ifdef PLANT_STRAGGLERS_NOT_CARRIED
     if
     :: MINE(l).must_carry -> MINE(l).write.stragglers = 0
     :: else
     fi;
#endif
#ifndef PLANT_NO_LIVE_FROM
     MINE(l).write.live_from = MINE(l).live_from
#endif
  fi
}

/* R7: the lane follows and owes nothing. */
#ifdef PLANT_TOMBSTONE_TOO_SOON
#define COMMIT_HAS_PASSED(l) true
#else
#define COMMIT_HAS_PASSED(l) (ME.has_committed && ME.committed >= MINE(l).live_from)
#endif
#define CAN_END_RECORD(l) (ME.phase == OWNING && MINE(l).in_flight == IDLE && HAS_ROOM && HAS_RECORD(l) && \
                           !MINE(l).is_detached && MINE(l).stragglers == 0 && COMMIT_HAS_PASSED(l))
inline end_record(l) {
  MINE(l).in_flight = SENT;
  MINE(l).is_changed = false;
  MINE(l).write.kind = TOMBSTONE
}

/* Its acknowledgement, which answers for just what was written. */
#define CAN_ACKNOWLEDGE(l) (MINE(l).in_flight == APPENDED)
inline acknowledge(l) {
#ifdef PLANT_ANY_ACKNOWLEDGEMENT
  MINE(l).covers = (MINE(l).is_detached -> DETACHED : FOLLOWING);
  MINE(l).covered_stragglers = MINE(l).stragglers;
  MINE(l).covers_below = EVENTS;
#else
  if
  :: MINE(l).write.kind == TOMBSTONE -> MINE(l).covers = NOTHING
  :: else -> MINE(l).covers = MINE(l).write.kind
  fi;
  MINE(l).covered_stragglers = (MINE(l).write.kind == FOLLOWING -> MINE(l).write.stragglers : 0);
  MINE(l).covers_below = (MINE(l).write.kind == DETACHED -> MINE(l).write_covers_below : 0);
#endif
  MINE(l).must_carry = false;
  MINE(l).write_covers_below = 0;
  MINE(l).in_flight = IDLE;
  forget_record(MINE(l).write)
}

/* The write arrives, also when its session has long been a zombie. */
#define CAN_ARRIVE(l) (MINE(l).in_flight == SENT && HAS_ROOM)
inline arrive(l) {
  append(MINE(l).write.kind, l, ME.epoch, MINE(l).write.settled, MINE(l).write.stragglers, MINE(l).write.live_from);
  MINE(l).in_flight = APPENDED;
  judge(RULES);
#ifndef LATE_ACKNOWLEDGEMENTS
  acknowledge(l)
#endif
}

/* R6: what a write in flight calls unsettled. */
#if defined(PLANT_WRITE_DOES_NOT_PIN) || defined(PLANT_RELEASED_WHEN_SENT)
#define PINNED(l) 0
#else
#define PINNED(l) (MINE(l).in_flight == IDLE -> 0 : (MINE(l).write.kind == DETACHED -> (ALL & ~MINE(l).write.settled) : \
                  MINE(l).write.stragglers))
#endif

/* R4: no commit before all that counted is carried. R5, R6. */
#ifdef PLANT_COMMIT_BEFORE_CARRY
#define IS_CARRIED(l) true
#else
#define IS_CARRIED(l) (!MINE(l).must_carry)
#endif
#ifdef PLANT_COMMIT_ONE_TOO_FAR
#define PASSED(c) (BELOW((c) - ((c) > 0 -> 1 : 0)) & ~BELOW(ME.committed))
#else
#define PASSED(c) (BELOW(c) & ~BELOW(ME.committed))
#endif
#define MAY_PASS(l, c) (IS_CARRIED(l) && (PASSED(c) & (~(MINE(l).settled | COVERED(l)) | PINNED(l))) == 0)
#if LANES == 1
#define ALL_MAY_PASS(c) MAY_PASS(0, c)
#else
#define ALL_MAY_PASS(c) (MAY_PASS(0, c) && MAY_PASS(1, c))
#endif
/* R11. A zombie's commit would be refused: it is left out here, and one that was sent in time may come too late. */
#ifdef PLANT_STALE_COMMIT
#define HAS_GENERATION true
#else
#define HAS_GENERATION (id == ruler)
#endif
#define CAN_COMMIT_ARRIVE (ME.commit_sent > 0)
inline commit_arrive() {
  if
  :: HAS_GENERATION ->
     ME.committed = ME.commit_sent - 1;
     ME.has_committed = true;
     commit_offset = ME.committed;
     commit_epoch = ME.epoch;
     count = 0;
     do
     :: count < LANES ->
        if
        :: ME.committed >= MINE(count).live_from -> MINE(count).live_from = 0
        :: else
        fi;
        count++
     :: else -> break
     od;
     count = 0;
     judge(true)
  :: else
  fi;
  ME.commit_sent = 0;
  bury_the_dead()
}

#define CAN_COMMIT(c) (ME.phase == OWNING && HAS_GENERATION && ME.commit_sent == 0 && (c) <= ME.next && \
                       ((c) > ME.committed || ((c) == ME.committed && !ME.has_committed)) && ALL_MAY_PASS(c))
#ifdef SLOW_COMMITS
inline commit(c) { ME.commit_sent = 1 + (c) }
#else
inline commit(c) {
  ME.commit_sent = 1 + (c);
  commit_arrive()
}
#endif

/* R8: tombstones for other epochs: only lower ones, only after the own first commit. */
#ifdef PLANT_CLEAN_BEFORE_COMMIT
#define MAY_CLEAN true
#else
#define MAY_CLEAN ME.has_committed
#endif
#ifdef PLANT_CLEAN_SUCCESSOR
#define IS_OLD(i) (log[i].epoch != ME.epoch)
#else
#define IS_OLD(i) (log[i].epoch < ME.epoch)
#endif
#define CAN_CLEAN(l) (ME.phase == OWNING && MAY_CLEAN && HAS_ROOM)
inline clean(l) {
  /* The newest old key of the lane that has no tombstone yet: the last record of a key is met first. */
  count = log_end - 1;
  do
  :: count > 0 && !(IS_LANE_RECORD(count) && log[count].lane == l && IS_OLD(count)) -> count--
  :: else -> break
  od;
  if
  :: count > 0 && log[count].kind != TOMBSTONE ->
     append(TOMBSTONE, l, log[count].epoch, 0, 0, 0);
     count = 0;
     judge(RULES)
  :: else -> count = 0
  fi
}

#ifdef PLANT_REBUILT_PRODUCER
/* R10: a rebuilt producer has forgotten a write that still arrives, after later ones. */
Record late;
byte late_of;
#define CAN_REBUILD(l) (MINE(l).in_flight == SENT && late_of == 0)
inline rebuild(l) {
  late_of = id;
  late.kind = MINE(l).write.kind;
  late.lane = l;
  late.settled = MINE(l).write.settled;
  late.stragglers = MINE(l).write.stragglers;
  late.live_from = MINE(l).write.live_from;
  MINE(l).in_flight = IDLE;
  MINE(l).is_changed = true;
  forget_record(MINE(l).write)
}
#define CAN_ARRIVE_LATE (late_of == id && late.kind != NOTHING && HAS_ROOM)
inline arrive_late() {
  append(late.kind, late.lane, ME.epoch, late.settled, late.stragglers, late.live_from);
  forget_record(late);
  judge(RULES)
}
#endif

/* ------------------------------------------------------------------------------------------- the world */

/* `skip`: a loop may not be the last of a d_step. */
#define STEP(can, do_it) :: d_step { can -> printf("session %d: ", id); printf(#do_it); printf("\n"); do_it; skip }
#define STEP_OF_LANE(can, do_it, l) STEP(can(l), do_it(l))
#define STEP_OF_EVENT(can, do_it, l, e) STEP(can(l, e), do_it(l, e))

#if EVENTS == 1
#define EACH_EVENT_OF(can, do_it, l) STEP_OF_EVENT(can, do_it, l, 0)
#define EACH_OFFSET(can, do_it) STEP(can(0), do_it(0)) STEP(can(1), do_it(1))
#elif EVENTS == 2
#define EACH_EVENT_OF(can, do_it, l) STEP_OF_EVENT(can, do_it, l, 0) STEP_OF_EVENT(can, do_it, l, 1)
#define EACH_OFFSET(can, do_it) STEP(can(0), do_it(0)) STEP(can(1), do_it(1)) STEP(can(2), do_it(2))
#else
#define EACH_EVENT_OF(can, do_it, l) \
  STEP_OF_EVENT(can, do_it, l, 0) STEP_OF_EVENT(can, do_it, l, 1) STEP_OF_EVENT(can, do_it, l, 2)
#define EACH_OFFSET(can, do_it) \
  STEP(can(0), do_it(0)) STEP(can(1), do_it(1)) STEP(can(2), do_it(2)) STEP(can(3), do_it(3))
#endif
#if LANES == 1
#define EACH_LANE(can, do_it) STEP_OF_LANE(can, do_it, 0)
#define EACH_EVENT(can, do_it) EACH_EVENT_OF(can, do_it, 0)
#else
#define EACH_LANE(can, do_it) STEP_OF_LANE(can, do_it, 0) STEP_OF_LANE(can, do_it, 1)
#define EACH_EVENT(can, do_it) EACH_EVENT_OF(can, do_it, 0) EACH_EVENT_OF(can, do_it, 1)
#endif

/*
 * R9: every assignment is a session of its own. It takes any of its steps at any moment, or none any more: a crash is a
 * session that stops, a zombie one that goes on after its successor has begun.
 */
proctype Session(byte id) {
end:
  do
  STEP(CAN_CLAIM, claim())
  STEP(CAN_READ_COMMIT, read_commit())
  STEP(CAN_READ_RECORD, read_record())
  STEP(CAN_COMPACT, compact())
  STEP(CAN_TAKE_OVER, take_over())
  STEP(CAN_READ_EVENT, read_event())
  EACH_EVENT(CAN_SET_ASIDE, set_aside)
  EACH_LANE(CAN_DETACH, detach)
  EACH_LANE(CAN_REATTACH, reattach)
  EACH_LANE(CAN_WRITE, start_write)
  EACH_LANE(CAN_END_RECORD, end_record)
  EACH_LANE(CAN_ARRIVE, arrive)
  EACH_LANE(CAN_ACKNOWLEDGE, acknowledge)
  EACH_OFFSET(CAN_COMMIT, commit)
  STEP(CAN_COMMIT_ARRIVE, commit_arrive())
  EACH_LANE(CAN_CLEAN, clean)
#ifdef PLANT_REBUILT_PRODUCER
  EACH_LANE(CAN_REBUILD, rebuild)
  STEP(CAN_ARRIVE_LATE, arrive_late())
#endif
  /* Last: a search that goes deep first then sees a loss sooner. */
  EACH_EVENT(CAN_SEND, send)
  EACH_EVENT(CAN_SETTLE, settle)
  od
}

/* The group gives the partition to the next session at any moment. */
init {
  atomic {
    count = 1;
    do
    :: count <= OWNERS -> run Session(count); count++
    :: else -> break
    od;
    count = 0
  }
end:
  do
#ifdef PLANT_EPOCH_KEPT
  /* R9: the first session gets the partition back, and goes on as if it had never lost it. */
  :: d_step { ruler == OWNERS && commit_epoch == owner[ruler].epoch -> ruler = 1; printf("back to session 1\n"); skip }
#endif
  :: d_step {
       ruler < OWNERS -> ruler++;
       printf("the group goes to session %d\n", ruler);
       bury_the_dead();
       become_zombie(ruler - 1);
       skip
     }
  od
}
