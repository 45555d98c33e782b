#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/nn/key_value_cache.h>
#include <sinter/sources.h>

#include "frontend/nn/options.h"
#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter::nn {

KeyValueCache::KeyValueCache(Module& owner, Name name, int64_t heads, int64_t width,
                             const KeyValueCacheOptions& options)
    : Module(owner, checked("KeyValueCache", owner, name,
                            [&](const Ranges& ranges) {
                              ranges.at_least(1, "heads", heads);
                              ranges.at_least(1, "width", width);
                            })),
      length(*this, {"length", name.where()}, {}, Initializer::zeros(), i32),
      keys(*this, {"keys", name.where()}, {options.batch, heads, options.capacity, width}),
      values(*this, {"values", name.where()}, {options.batch, heads, options.capacity, width}) {}

Tensor KeyValueCache::positions(int64_t t, std::source_location where) const {
  return length.read(where) + arange(t, i32, where);
}

void KeyValueCache::append(const Tensor& key, const Tensor& value, std::source_location where) {
  const Call call("KeyValueCache", *this, where);
  const Tensor old_keys = keys.read(where), old_values = values.read(where);
  const Shape& shape = old_keys.shape();
  check_takes(call, "key", key, f32, {shape[0], shape[1], "t", shape[3]});
  const int64_t t = key.dim(2), capacity = shape[2];
  check_takes(call, "value", value, f32, {shape[0], shape[1], t, shape[3]});
  if (t > capacity) call.fail(fmt::format("{} positions do not fit a capacity of {}", t, capacity));
  const Tensor last = build("check_index", {length + (t - 1)}, [&](Builder& b, const Values& v) {
    return b
        .emit(OpCode::check_index, v,
              {{"bound", capacity}, {"op", "KeyValueCache is full"}, {"what", path()}})
        .result();
  });
  const Tensor first = last - (t - 1);
  keys.assign(dynamic_update(old_keys, key, {0, 0, first, 0}));
  values.assign(dynamic_update(old_values, value, {0, 0, first, 0}));
  length.assign(first + t);
}

}  // namespace sinter::nn
