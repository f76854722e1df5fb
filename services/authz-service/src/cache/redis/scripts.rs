//! What Redis does for us in one step. Each script touches keys of one node only.
//!
//! Scripts and not MULTI/EXEC: what is written depends on what was read in between. Sent whole
//! with each call: they are short, Redis keeps them compiled, and there is no state to lose.

/// Reads an entry. Not GET: a foreign value can have 512 MB.
///
/// KEYS: the entry. ARGV: the last byte to read. Answers the key, the value (empty when there is
/// none) and its remaining life in ms (-1: no end). The key is there so that an answer that is not
/// to our question, as a client that loses count of its answers would hand out, is none.
pub(super) const FETCH: &str = "\
return {KEYS[1], redis.call('GETRANGE', KEYS[1], 0, ARGV[1]), redis.call('PTTL', KEYS[1])}";

/// Puts an entry, unless it was changed after it was read.
///
/// KEYS: the entry, its mark. ARGV: the value, the version it was read at, its life in ms.
/// Answers 1 when it was put. A mark that is no number is newer than anything.
pub(super) const PUT: &str = "\
local changed = redis.call('GET', KEYS[2])
if changed and (tonumber(changed) or math.huge) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1";

/// Removes an entry and marks it as changed. Removing comes first: Redis refuses the first write of
/// a script when memory is short, and removing is never refused.
///
/// KEYS: the entry, its mark. ARGV: the version of the change, the life of the mark in ms.
pub(super) const FORGET: &str = "\
redis.call('DEL', KEYS[1])
local changed = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
if tonumber(ARGV[1]) >= changed then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return 1";

/// Takes from a counter. A window begins with the first taking and ends as a whole.
///
/// KEYS: the counter. ARGV: how much is wanted, the limit, the window in ms.
/// Answers what is granted, what remains, and in how many ms the window ends.
pub(super) const TAKE: &str = "\
local taken = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local wanted, limit, ends = tonumber(ARGV[1]), tonumber(ARGV[2]), redis.call('PTTL', KEYS[1])
if ends <= 0 then taken = 0; ends = tonumber(ARGV[3]) end
local left = math.max(limit - taken, 0)
local granted = math.min(wanted, left)
if granted > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', taken + granted), 'PX', ends)
end
return {granted, left - granted, ends}";
