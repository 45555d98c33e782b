#include <sinter/elementwise.h>
#include <sinter/indexing.h>

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
