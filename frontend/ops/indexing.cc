#include <sinter/elementwise.h>
#include <sinter/indexing.h>

#include "frontend/ops/flat_places.h"
#include "frontend/trace/emit.h"

namespace sinter {
namespace {

Values resolve_all(Trace& trace, std::string_view what, const Operands& operands,
                   const std::source_location& where) {
  Values values;
  for (const Operand& operand : operands.all()) values.push_back(resolve(trace, what, operand, where));
  return values;
}

}  // namespace

Tensor take_along_axis(Operand x, Operand indices, int64_t axis) {
  const Pin pin("take_along_axis", x.where());
  const Tensor from = x.tensor();
  const int64_t along = checked_axis("take_along_axis", axis, from.rank(), x);
  check_along(pin, from, indices.tensor(), along);
  return build("take_along_axis", {x, indices}, [&](Builder& b, const Values& v) {
    const graph::Value places = flat_places(b, "take_along_axis", v[1], v[0].shape(), along);
    return b.gather(b.reshape(v[0], {-1}), places, 0);
  });
}

Tensor gather(Operand x, Operand indices, int64_t axis) {
  const int64_t along = checked_axis("gather", axis, x.tensor().rank(), x);
  return build("gather", {x, indices},
               [&](Builder& b, const Values& v) { return b.gather(v[0], v[1], along); });
}

Tensor scatter_add(Operand base, Operand indices, Operand updates, int64_t axis) {
  const int64_t along = checked_axis("scatter_add", axis, base.tensor().rank(), base);
  return build("scatter_add", {base, indices, updates},
               [&](Builder& b, const Values& v) { return b.scatter_add(v[0], v[1], v[2], along); });
}

Tensor dynamic_slice(Operand x, Operands starts, Shape sizes) {
  Trace& trace = Trace::current("dynamic_slice", x.where());
  return build("dynamic_slice", {x}, [&](Builder& b, const Values& v) {
    const graph::Location location = b.location();
    const Values places = resolve_all(trace, "dynamic_slice", starts, x.where());
    b.set_location(location);
    return b.dynamic_slice(v[0], places, sizes);
  });
}

Tensor dynamic_update(Operand x, Operand update, Operands starts) {
  Trace& trace = Trace::current("dynamic_update", x.where());
  return build("dynamic_update", {x, update}, [&](Builder& b, const Values& v) {
    const graph::Location location = b.location();
    const Values places = resolve_all(trace, "dynamic_update", starts, x.where());
    b.set_location(location);
    return b.dynamic_update(v[0], v[1], places);
  });
}

TopK top_k(Operand x, int64_t k) {
  Trace& trace = Trace::current("top_k", x.where());
  return built(trace, "top_k", [&] {
    const graph::Value value = resolve(trace, "top_k", x, x.where());
    const auto [values, positions] = trace.builder(x.where()).top_k(value, k);
    return TopK{trace.wrap(values), trace.wrap(positions)};
  });
}

Sorted sort(Operand x, int64_t axis, bool descending) {
  Trace& trace = Trace::current("sort", x.where());
  const int64_t along = checked_axis("sort", axis, x.tensor().rank(), x);
  return built(trace, "sort", [&] {
    const graph::Value value = resolve(trace, "sort", x, x.where());
    Builder& b = trace.builder(x.where());
    const auto with_axis_last = [&](graph::Value v) {
      return along == v.rank() - 1 ? v : b.swap_axes(v, along, v.rank() - 1);
    };
    const auto [values, positions] = b.sort(with_axis_last(value), descending);
    const graph::Value in_order = with_axis_last(values);
    return Sorted{trace.wrap(in_order), trace.wrap(with_axis_last(positions))};
  });
}

Tensor argsort(Operand x, int64_t axis, bool descending) {
  return sort(x, axis, descending).positions;
}

Tensor one_hot(Operand indices, int64_t classes, DType type) {
  ranges_at("one_hot", indices.where()).at_least(1, "classes", classes);
  return build("one_hot", {indices}, [&](Builder& b, const Values& v) {
    graph::TensorType places{v[0].dtype(), v[0].shape()};
    places.shape.push_back(classes);
    const graph::Value index = b.expand_dims(v[0], {v[0].rank()});
    return b.cast(b.equal(index, b.iota(places, v[0].rank())), to_graph(type));
  });
}

}  // namespace sinter
