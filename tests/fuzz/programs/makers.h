#pragma once

#include "tests/fuzz/programs/writer.h"

// A function for each op of the Graph IR, so that one without does not link.
namespace sinter::fuzz::make {

#define SINTER_OP(name, least, most, kind, ...) bool name(Writer& w);
#include "ir/graph/ops.def"
#undef SINTER_OP

// Notes a value whose elements are those of others.
inline bool moved(Writer& w, Value from, Value to) {
  w.note(to, w.known(from));
  return true;
}

}  // namespace sinter::fuzz::make
