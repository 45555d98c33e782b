#pragma once

#include <set>
#include <string>

#include "ir/graph/builder.h"
#include "passes/split_batch/pairing.h"

namespace sinter::passes {

// Opens up, in both functions alike, what makes something of all rows together inside of a composite or a
// call, and composites that draw random numbers, so that their sources can be seen. Throws GraphError as
// Pairing does.
void open_up(graph::Module& module, graph::Function& whole, graph::Function& part, int64_t parts);

// Whether the op is a source whose elements depend on where they stand in the batch: random numbers, say.
bool is_numbered_source(const Pairing& pairing, const graph::Op& op);

// What such a source makes of the whole batch for the rows of the micro-batch `number`, i32; `operands` are
// the source's.
graph::Value numbered_rows(graph::Builder& builder, const Pairing& pairing, const graph::Op& source,
                           const std::vector<graph::Value>& operands, graph::Value number);

// Lets the functions that the part calls number their rows as the whole batch does: those that have such
// sources, themselves or in what they call, get a parameter more, the last: the micro-batch's number. Their
// names.
std::set<std::string> number_callees(graph::Module& module, const graph::Function& whole,
                                     const graph::Function& part, int64_t parts);
// The call or scan of such a function, with the number as one more operand.
void pass_number(graph::Op& op, graph::Value number);

}  // namespace sinter::passes
