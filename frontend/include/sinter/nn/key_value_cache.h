#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

namespace SINTER_EXPORT sinter {
namespace nn {

struct KeyValueCacheOptions {
  Extent capacity;   // positions that fit
  Extent batch = 1;  // texts that go on side by side
};

// The keys and values that attention has seen, of each session by itself (Program::session): a prompt is put
// in by one call, and each call after it adds what comes next. It begins empty; Session::reset empties it.
class KeyValueCache : public Module {
 public:
  KeyValueCache(Module& owner, Name name, int64_t heads, int64_t width, const KeyValueCacheOptions& options);

  // Where the next t positions stand: i32 [t].
  Tensor positions(int64_t t, std::source_location where = std::source_location::current()) const;
  // Puts keys, turned by their positions where attention is rotary, and values [batch,heads,t,width] at the
  // next t positions. The call fails, and changes nothing, where these go beyond the capacity.
  void append(const Tensor& key, const Tensor& value,
              std::source_location where = std::source_location::current());

  Cache length;  // i32 []: positions seen
  Cache keys;    // [batch,heads,capacity,width]; what lies from `length` on is not to be looked at
  Cache values;
};

}  // namespace nn
}  // namespace sinter
