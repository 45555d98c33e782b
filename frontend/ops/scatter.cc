#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include "frontend/ops/flat_places.h"
#include "frontend/trace/emit.h"

// A scatter sorts the updates by their places, in each of which they keep their order: so the last of them,
// or what all of them are combined to, is the same on every device.
namespace sinter {
namespace {

using Tensors = std::vector<Tensor>;

bool is_real(const Tensor& x) {
  return x.dtype() == f32 || x.dtype() == f64;
}

Tensor sum_at(const Tensor& base, const Tensor& places, const Tensor& updates, bool is_sorted = false) {
  return build("scatter_along_axis", {base, places, updates}, [&](Builder& b, const Values& v) {
    graph::Attributes attributes{{"axis", int64_t{0}}};
    if (is_sorted) attributes.set("sorted", true);
    return b.emit(OpCode::scatter_add, v, attributes).result();
  });
}

// 0 .. count-1, in each micro-batch anew.
Tensor count_up(int64_t count) {
  return build("scatter_along_axis", {zeros({count, 1}, i32)}, [&](Builder& b, const Values& v) {
    return b.reshape(b.emit(OpCode::flat_places, v, {{"axis", int64_t{1}}, {"extent", int64_t{1}}}).result(),
                     {-1});
  });
}

// All in one axis: of updates, the places that they go to.
struct Flat {
  Tensor base, places, updates;
};

// For each element of the base where among the updates, in order of their places, its last one stands, and
// whether it has any.
struct LastUpdates {
  Tensor order, places;  // sorted
  Tensor has_any, position;
};

LastUpdates last_updates(const Flat& flat) {
  const Sorted sorted = sort(flat.places, 0);
  const int64_t count = flat.places.size();
  const Tensor next = concat({slice(sorted.values, 0, 1, count), full({1}, -1, flat.places.dtype())}, 0);
  const Tensor number = where(sorted.values != next, count_up(count) + 1, 0);
  const Tensor found = sum_at(zeros({flat.base.size()}, i32), sorted.values, number, true);
  return {sorted.positions, sorted.values, found > 0, maximum(found - 1, 0)};
}

// What the updates of each place are combined to, with the base's element.
Tensor combined(const Flat& flat, Tensor (*combine)(Operand, Operand)) {
  const LastUpdates last = last_updates(flat);
  // Of places that rise: where the earlier one is the later one, all between them are, too.
  const Combine by_place = [&](const Tensors& earlier, const Tensors& later) -> Tensors {
    return {later[0], where(earlier[0] == later[0], combine(earlier[1], later[1]), later[1])};
  };
  const Tensor so_far = associative_scan({last.places, gather(flat.updates, last.order)}, 0, by_place)[1];
  return where(last.has_any, combine(flat.base, gather(so_far, last.position)), flat.base);
}

// The gradient of an extreme goes to all that equal it in equal parts.
Tensor extreme(const Flat& flat, Tensor (*combine)(Operand, Operand)) {
  const Tensor result = combined(flat, combine);
  if (!is_real(result)) return result;
  const TensorFunction value = [](const Tensors& in) -> Tensors { return {in[3]}; };
  const GradientFunction gradients = [](const Tensors& in, const Tensors& cotangents) -> Tensors {
    const Tensor &base = in[0], &places = in[1], &updates = in[2], &best = in[3];
    const Tensor is_base = base == best, is_update = updates == gather(best, places);
    const DType type = base.dtype();
    const Tensor count = sum_at(cast(is_base, type), places, cast(is_update, type));
    const Tensor share = cotangents[0] / maximum(count, 1);
    return {where(is_base, share, 0), where(is_update, gather(share, places), 0), zeros_like(best)};
  };
  return custom_gradient(value, gradients, {flat.base, flat.places, flat.updates, stop_gradient(result)})[0];
}

Tensor scattered(const Flat& flat, Scatter how) {
  switch (how) {
    case Scatter::add:
      return sum_at(flat.base, flat.places, flat.updates);
    case Scatter::product:
      return combined(flat, operator*);
    case Scatter::max:
      return extreme(flat, maximum);
    case Scatter::min:
      return extreme(flat, minimum);
    default: {
      const LastUpdates last = last_updates(flat);
      return where(last.has_any, gather(flat.updates, gather(last.order, last.position)), flat.base);
    }
  }
}

}  // namespace

Tensor scatter_along_axis(Operand base, Operand indices, Operand updates, int64_t axis, Scatter how) {
  const Pin pin("scatter_along_axis", base.where());
  const Tensor into = base.tensor(), at = indices.tensor(), from = updates.tensor();
  const int64_t along = checked_axis("scatter_along_axis", axis, into.rank(), base);
  check_along(pin, into, at, along);
  if (from.shape() != at.shape() || from.dtype() != into.dtype()) {
    pin.fail(fmt::format("updates are {}, expected {}", from.type(), to_string(into.dtype(), at.shape())));
  }
  if (into.dtype() == boolean && how != Scatter::set) pin.fail("combines numbers, got " + into.type());
  if (from.size() == 0) return into;
  const Tensor places = build("scatter_along_axis", {at}, [&](Builder& b, const Values& v) {
    return b.reshape(flat_places(b, "scatter_along_axis", v[0], into.shape(), along), {-1});
  });
  return reshape(scattered({flatten(into), places, flatten(from)}, how), into.shape());
}

}  // namespace sinter
