#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/elementwise.h>
#include <sinter/indexing.h>
#include <sinter/losses.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <limits>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

// A target with a blank before, between and behind its labels is a line of places. Step by step a way goes on
// from a place to itself, to the next one, or over a blank to a label that differs from the one before it;
// `reached` holds, for each place, the logarithm of how probable all ways to it are.
namespace sinter {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// [n,s] with blanks: [n,2s+1].
Tensor with_blanks(const Tensor& targets, int64_t blank) {
  const int64_t sequences = targets.dim(0), labels = targets.dim(1);
  const Tensor blanks = full({sequences, labels}, blank, targets.dtype());
  const Tensor pairs = reshape(stack({blanks, targets}, 2), {sequences, 2 * labels});
  return concat({pairs, full({sequences, 1}, blank, targets.dtype())}, 1);
}

// Place s holds what place s - by held.
Tensor moved_on(const Tensor& x, int64_t by, Number before) {
  const int64_t places = x.dim(1);
  if (places <= by) return full(x.shape(), before, x.dtype());
  return pad(slice(x, 1, 0, places - by), {0, by}, {0, 0}, before);
}

struct CtcProblem {
  Tensor emissions;  // [t,n,places]: how probable the place's class is
  Tensor may_skip;   // [n,places]
  Tensor input_lengths, target_lengths;
};

Tensor surprise(const CtcProblem& it) {
  const int64_t steps = it.emissions.dim(0), sequences = it.emissions.dim(1), places = it.emissions.dim(2);
  const DType type = it.emissions.dtype();
  const Tensor start =
      where(iota({sequences, places}, 1) == 0, zeros({sequences, places}, type), kMinusInfinity);
  const auto walk = [&](const std::vector<Tensor>& carries, const std::vector<Tensor>& now) -> ScanStep {
    const Tensor& reached = carries[0];
    const Tensor over = where(it.may_skip, moved_on(reached, 2, kMinusInfinity), kMinusInfinity);
    const Tensor ways = stack({reached, moved_on(reached, 1, kMinusInfinity), over}, 0);
    const Tensor next = logsumexp(ways, 0) + now[0];
    return {.carries = {where(now[1] < expand_dims(it.input_lengths, 1), next, reached)}, .outputs = {}};
  };
  const Tensor times = arange(steps, it.input_lengths.dtype());
  const Tensor reached = scan({start}, {it.emissions, times}, walk).carries[0];
  const Tensor last = expand_dims(it.target_lengths * 2, 1);
  const Tensor at_blank = take_along_axis(reached, last, 1);
  const Tensor at_label = take_along_axis(reached, maximum(last - 1, 0), 1);
  const Tensor ends = concat({at_blank, where(last > 0, at_label, kMinusInfinity)}, 1);
  return -logsumexp(ends, 1);
}

}  // namespace

Tensor ctc_loss(Operand operand, Operand target, Operand input_lengths, Operand target_lengths,
                const CtcOptions& options) {
  const Pin pin("ctc_loss", operand.where());
  const Tensor x = operand.tensor(), labels = target.tensor();
  check_floating(pin, "log_probabilities", x);
  if (x.rank() != 3) pin.fail(fmt::format("takes log_probabilities [t,n,classes], got {}", x.type()));
  check_integers(pin, "targets", labels);
  check_takes(pin, "targets", labels, labels.dtype(), {x.dim(1), "s"});
  for (const Operand& lengths : {input_lengths, target_lengths}) {
    check_integers(pin, "lengths", lengths.tensor());
    check_takes(pin, "lengths", lengths.tensor(), lengths.tensor().dtype(), {x.dim(1)});
  }
  const Ranges ranges = ranges_at("ctc_loss", operand.where());
  ranges.require(options.blank >= 0 && options.blank < x.dim(2), "blank",
                 fmt::format("in [0,{}), the classes", x.dim(2)), options.blank);
  const Tensor inputs = check_index(input_lengths.tensor(), x.dim(0) + 1);
  const Tensor lengths = check_index(target_lengths.tensor(), labels.dim(1) + 1);

  const Tensor counts = iota(labels.shape(), 1, lengths.dtype()) < expand_dims(lengths, 1);
  const Tensor line = with_blanks(where(counts, labels, options.blank), options.blank);
  const Tensor at = broadcast_to(expand_dims(line, 0), {x.dim(0), x.dim(1), line.dim(1)});
  const Tensor may_skip = (line != options.blank) & (line != moved_on(line, 2, options.blank));
  Tensor losses = surprise({take_along_axis(x, at, 2), may_skip, inputs, lengths});
  if (options.zero_infinity) losses = where(is_finite(losses), losses, 0);
  if (options.reduction == Reduction::none) return losses;
  if (options.reduction == Reduction::sum) return sum(losses);
  return mean(losses / cast(maximum(lengths, 1), losses.dtype()));
}

}  // namespace sinter
