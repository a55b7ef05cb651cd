// Recurrent layers and products of oneDNN. Weights are in the layout that it asks for, made
// before anything is timed; gates are in the order of ours but for the GRU, whose first two are
// exchanged.
#include <dnnl.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>
#include "peer.h"

using namespace dnnl;
using tag = memory::format_tag;
typedef std::unordered_map<int, memory> arguments;

static const memory::data_type f32 = memory::data_type::f32;
static engine cpu;
static stream queue;

static float *data(const memory &m) { return static_cast<float *>(m.get_data_handle()); }

static memory zeros(const memory::desc &d) {
	memory m(d, cpu);
	std::memset(m.get_data_handle(), 0, d.get_size());
	return m;
}

// as returns m in another layout.
static memory as(memory m, const memory::desc &d) {
	if (m.get_desc() == d) return m;
	memory to(d, cpu);
	reorder(m, to).execute(queue, m, to);
	queue.wait();
	return to;
}

static void execute(primitive &p, const arguments &a) {
	p.execute(queue, a);
	queue.wait();
}

enum kind { LSTM, GRU, GRU_BEFORE };

// A layer is one batch of sequences through a recurrent layer, with all that its passes need.
struct layer {
	kind k;
	int batch, steps, in, hidden, gates, bias_rows;
	memory x, y, h0, c0, hn, cn, wih, whh, bias; // weights as [input, gate, unit]
	memory::desc any_wih, any_whh;
	primitive forward, backward;
	arguments forward_args, backward_args;
	memory dx, dwih, dwhh, dbias, dy;
	std::string info;

	// gate is where a gate of ours is in the order of oneDNN.
	int gate(int g) const { return k == LSTM || g == 2 ? g : 1 - g; }

	// weights copies a matrix [gates, hidden, n] of ours to one [n, gates, hidden].
	memory weights(const float *w, int n) {
		memory m = zeros({{1, 1, n, gates, hidden}, f32, tag::ldigo});
		for (int g = 0; g < gates; g++)
			for (int j = 0; j < hidden; j++)
				for (int i = 0; i < n; i++) data(m)[((size_t)i * gates + gate(g)) * hidden + j] = w[((size_t)g * hidden + j) * n + i];
		return m;
	}

	// The arrays of the parameters are wih, whh, b and, of the GRU, bhn.
	layer(kind k, int batch, int steps, int in, int hidden, float *x, float *const *params)
		: k(k), batch(batch), steps(steps), in(in), hidden(hidden), gates(k == LSTM ? 4 : 3), bias_rows(k == GRU_BEFORE ? 3 : 4) {
		memory::desc state({1, 1, batch, hidden}, f32, tag::ldnc);
		this->x = memory({{steps, batch, in}, f32, tag::tnc}, cpu, x);
		y = zeros({{steps, batch, hidden}, f32, tag::tnc});
		h0 = zeros(state), c0 = zeros(state), hn = zeros(state), cn = zeros(state);
		wih = weights(params[0], in), whh = weights(params[1], hidden);
		bias = zeros({{1, 1, bias_rows, hidden}, f32, tag::ldgo});
		for (int g = 0; g < gates; g++) std::memcpy(data(bias) + gate(g) * hidden, params[2] + g * hidden, 4 * hidden);
		if (k == GRU) std::memcpy(data(bias) + 3 * hidden, params[3], 4 * hidden);
		any_wih = memory::desc({1, 1, in, gates, hidden}, f32, tag::any);
		any_whh = memory::desc({1, 1, hidden, gates, hidden}, f32, tag::any);
	}

	// make builds the pass forward and, for training, the one backward.
	void make(bool training, float *dy_data) {
		auto dir = rnn_direction::unidirectional_left2right;
		auto prop = training ? prop_kind::forward_training : prop_kind::forward_inference;
		auto dxs = x.get_desc(), dys = y.get_desc(), dhs = h0.get_desc(), dbs = bias.get_desc();
		if (training) dy = memory(dys, cpu, dy_data);
		if (k == LSTM) {
			lstm_forward::primitive_desc f(cpu, prop, dir, dxs, dhs, dhs, any_wih, any_whh, dbs, dys, dhs, dhs);
			set_forward(f, lstm_forward(f), training);
			if (!training) return;
			lstm_backward::primitive_desc b(cpu, prop_kind::backward, dir, dxs, dhs, dhs, any_wih, any_whh, dbs, dys, dhs, dhs, dxs, dhs, dhs, any_wih, any_whh, dbs, dys, dhs, dhs, f);
			set_backward(b, lstm_backward(b));
		} else if (k == GRU) {
			lbr_gru_forward::primitive_desc f(cpu, prop, dir, dxs, dhs, any_wih, any_whh, dbs, dys, dhs);
			set_forward(f, lbr_gru_forward(f), training);
			if (!training) return;
			lbr_gru_backward::primitive_desc b(cpu, prop_kind::backward, dir, dxs, dhs, any_wih, any_whh, dbs, dys, dhs, dxs, dhs, any_wih, any_whh, dbs, dys, dhs, f);
			set_backward(b, lbr_gru_backward(b));
		} else {
			gru_forward::primitive_desc f(cpu, prop, dir, dxs, dhs, any_wih, any_whh, dbs, dys, dhs);
			set_forward(f, gru_forward(f), training);
			if (!training) return;
			gru_backward::primitive_desc b(cpu, prop_kind::backward, dir, dxs, dhs, any_wih, any_whh, dbs, dys, dhs, dxs, dhs, any_wih, any_whh, dbs, dys, dhs, f);
			set_backward(b, gru_backward(b));
		}
	}

	template <class desc> void set_forward(desc &d, primitive p, bool training) {
		forward = p;
		arguments &a = forward_args;
		a = {{DNNL_ARG_SRC_LAYER, x}, {DNNL_ARG_SRC_ITER, h0}, {DNNL_ARG_WEIGHTS_LAYER, as(wih, d.weights_layer_desc())}, {DNNL_ARG_WEIGHTS_ITER, as(whh, d.weights_iter_desc())},
			{DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST_LAYER, y}, {DNNL_ARG_DST_ITER, hn}};
		if (k == LSTM) a[DNNL_ARG_SRC_ITER_C] = c0, a[DNNL_ARG_DST_ITER_C] = cn;
		if (training) a[DNNL_ARG_WORKSPACE] = memory(d.workspace_desc(), cpu);
	}

	template <class desc> void set_backward(desc &d, primitive p) {
		backward = p;
		arguments &a = backward_args;
		a = forward_args;
		a[DNNL_ARG_WEIGHTS_LAYER] = as(wih, d.weights_layer_desc()), a[DNNL_ARG_WEIGHTS_ITER] = as(whh, d.weights_iter_desc());
		dx = zeros(x.get_desc()), dwih = zeros(d.diff_weights_layer_desc()), dwhh = zeros(d.diff_weights_iter_desc()), dbias = zeros(bias.get_desc());
		a[DNNL_ARG_DIFF_SRC_LAYER] = dx, a[DNNL_ARG_DIFF_SRC_ITER] = zeros(h0.get_desc());
		a[DNNL_ARG_DIFF_WEIGHTS_LAYER] = dwih, a[DNNL_ARG_DIFF_WEIGHTS_ITER] = dwhh, a[DNNL_ARG_DIFF_BIAS] = dbias;
		a[DNNL_ARG_DIFF_DST_LAYER] = dy, a[DNNL_ARG_DIFF_DST_ITER] = zeros(h0.get_desc());
		if (k == LSTM) a[DNNL_ARG_DIFF_SRC_ITER_C] = zeros(c0.get_desc()), a[DNNL_ARG_DIFF_DST_ITER_C] = zeros(c0.get_desc());
	}

	void run_forward() { execute(forward, forward_args); }

	// Gradients of parameters are added to what is there.
	void run_backward() {
		for (memory *m : {&dwih, &dwhh, &dbias}) std::memset(m->get_data_handle(), 0, m->get_desc().get_size());
		execute(backward, backward_args);
	}

	void copy_weights(float *to, const memory &from, int n) {
		memory m = as(from, {{1, 1, n, gates, hidden}, f32, tag::ldigo});
		for (int g = 0; g < gates; g++)
			for (int j = 0; j < hidden; j++)
				for (int i = 0; i < n; i++) to[((size_t)g * hidden + j) * n + i] = data(m)[((size_t)i * gates + gate(g)) * hidden + j];
	}

	// gradients copies dx, dwih, dwhh, db and, of the GRU, dbhn.
	void gradients(float *const *to) {
		std::memcpy(to[0], data(dx), 4 * (size_t)steps * batch * in);
		copy_weights(to[1], dwih, in);
		copy_weights(to[2], dwhh, hidden);
		for (int g = 0; g < gates; g++) std::memcpy(to[3] + g * hidden, data(dbias) + gate(g) * hidden, 4 * hidden);
		if (k == GRU) std::memcpy(to[4], data(dbias) + 3 * hidden, 4 * hidden);
	}
};

static std::unique_ptr<layer> current;

// The arrays of an inference are y, x and the parameters; those of a training y, dx, the gradients of
// the parameters, x, dy and the parameters.
template <kind k> void prepare_inference(float *const *a, const int *d) {
	current.reset(new layer(k, d[0], d[1], d[2], d[3], a[1], a + 2));
	current->make(false, 0);
}
template <kind k> void prepare_step(float *const *a, const int *d) {
	current.reset(new layer(k, d[0], 1, d[1], d[1], a[1], a + 2));
	current->make(false, 0);
}
template <kind k> void prepare_training(float *const *a, const int *d) {
	int x = k == GRU ? 6 : 5;
	current.reset(new layer(k, d[0], d[1], d[2], d[3], a[x], a + x + 2));
	current->make(true, a[x + 1]);
}
static void forward(float *const *, const int *) { current->run_forward(); }
static void backward(float *const *, const int *) { current->run_backward(); }
static void finish_forward(float *const *a, const int *) { std::memcpy(a[0], data(current->y), current->y.get_desc().get_size()); }
static void finish_training(float *const *a, const int *d) {
	finish_forward(a, d);
	current->gradients(a + 1);
}

// Products: the sizes are M, N, K and whether A and B are transposed, the arrays C, A and B.
static void product(float *const *a, const int *d) {
	dnnl_sgemm(d[3] ? 'T' : 'N', d[4] ? 'T' : 'N', d[0], d[1], d[2], 1, a[1], d[3] ? d[0] : d[2], a[2], d[4] ? d[2] : d[1], 0, a[0], d[1]);
}
static matmul packed;
static arguments packed_args;
static void prepare_packed(float *const *a, const int *d) {
	memory::desc left({d[0], d[2]}, f32, tag::ab), right({d[2], d[1]}, f32, tag::any), result({d[0], d[1]}, f32, tag::ab);
	matmul::primitive_desc p(cpu, left, right, result);
	memory b({{d[2], d[1]}, f32, d[4] ? tag::ba : tag::ab}, cpu, a[2]);
	packed = matmul(p);
	packed_args = {{DNNL_ARG_SRC, memory(left, cpu, a[1])}, {DNNL_ARG_WEIGHTS, as(b, p.weights_desc())}, {DNNL_ARG_DST, memory(result, cpu, a[0])}};
}
static void run_packed(float *const *, const int *) { execute(packed, packed_args); }

#define LAYER(name, k) \
	{name ".inference", "onednn", forward, 0, prepare_inference<k>, finish_forward}, {name ".step", "onednn", forward, 0, prepare_step<k>, finish_forward}, \
	{name ".training", "onednn", forward, backward, prepare_training<k>, finish_training}

static const struct peer peers[] = {
	LAYER("lstm", LSTM), LAYER("gru", GRU), LAYER("gru-before", GRU_BEFORE),
	{"product", "onednn", product, 0, 0, 0}, {"product.packed", "onednn", run_packed, 0, prepare_packed, 0}, {0, 0, 0, 0, 0, 0},
};

const struct peer *const *peer_lists(int, char **) {
	cpu = engine(engine::kind::cpu, 0);
	queue = stream(cpu);
	static const struct peer *const lists[] = {peers, 0};
	return lists;
}

void peer_info(void) {
	const dnnl_version_t *v = dnnl_version();
	const char *isa = "less than AVX2";
	switch (get_effective_cpu_isa()) {
	case cpu_isa::avx2: case cpu_isa::avx2_vnni: isa = "AVX2"; break;
	case cpu_isa::avx512_core: isa = "AVX-512"; break;
	case cpu_isa::avx512_core_vnni: isa = "AVX-512 with VNNI"; break;
	case cpu_isa::avx512_core_bf16: isa = "AVX-512 with BF16"; break;
	default: if (get_effective_cpu_isa() > cpu_isa::avx512_core_bf16) isa = "AVX-512 with BF16 and more";
	}
	std::printf("%d.%d.%d, %s, OMP_NUM_THREADS %s\n", v->major, v->minor, v->patch, isa, std::getenv("OMP_NUM_THREADS"));
}
