#pragma once

#include "ir/graph/builder.h"

// What the definitions of composites share. Each is a function of the composite's name.
namespace sinter::graph::composites {

struct Composite {
  Builder& b;
  OpCode code;
  std::span<const Value> operands;
  const Attributes& attributes;

  Value x() const { return operands[0]; }
};

#define SINTER_DEFINE_source(name)
#define SINTER_DEFINE_elementwise(name)
#define SINTER_DEFINE_reduction(name)
#define SINTER_DEFINE_contraction(name)
#define SINTER_DEFINE_view(name)
#define SINTER_DEFINE_data(name)
#define SINTER_DEFINE_check(name)
#define SINTER_DEFINE_control(name)
#define SINTER_DEFINE_collective(name)
#define SINTER_DEFINE_composite(name) Value name(const Composite& c);
#define SINTER_OP(name, least, most, kind, ...) SINTER_DEFINE_##kind(name)
#include "ir/graph/ops.def"
#undef SINTER_OP
#undef SINTER_DEFINE_composite

}  // namespace sinter::graph::composites
