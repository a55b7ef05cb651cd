// Package weights brings trained weights from elsewhere into layers of package cell, and back.
//
//	file --Open--> File: tensors by name --Under, Select, Rename--> File
//	                  |                                               |
//	                  +--Values, Read--> []T                          +--Stack, Dense, Conv1d--> layers of package cell
//	                                                                  +--Load----------> any tensors of the same names
//	layers --AddStack, AddDense, AddConv1d--> File --WriteFile--> file
//
// An LSTM of PyTorch runs in Go after
//
//	f, err := weights.Open("model.safetensors")
//	lstm, err := weights.Stack[float32](f.Under("lstm."), weights.PyTorch)
//	lstm.Pack()
//
// # Conventions
//
// A [Convention] is what a library does with the parameters of a layer. Package cell has the gates of an LSTM in the order
// i f g o, those of a GRU r z n, matrices [gates*hidden, columns] and one bias beside that within the reset of a GRU.
//
//	              LSTM     GRU    matrices            biases                      directions, layers      states
//	PyTorch       i f g o  r z n  as ours             two; n's second in reset    _reverse, _l1           h, c
//	Keras         i f c o  z r h  transposed          one; GRU two, or one [1]    forward_, backward_     h, c
//	ONNX          i o f c  z r h  [directions, ...]   two in a row                first axis, one a node  h, c
//	TensorFlow 1  i j f o  r u    [x; h] in one [2]   one; forget_bias beside it  fw, bw; cell_0          c, h
//	oneDNN        i f c o  u r o  [layers, directions, columns, gates, hidden]    first axes              h, c
//
//	[1] reset_after=True has two and is [cell.GRU], reset_after=False has one and is [cell.GRUBefore].
//	[2] a GRU has a second matrix, for its candidate.
//
// In all of them h' = (1-z) n + z h. Two biases become one, the sum, rounded once. For inference that is
// the same; in training see [PyTorch].
//
// # Files from anywhere
//
// Files come from outside: an error names the file and what is wrong with it, and no file makes a reader take more memory
// than twice its size and a few megabytes.
//
// Keras's own files, .keras and .weights.h5, are HDF5, which is not read: the reader in Go that is in wide use, gonum.org/v1/hdf5, is
// a binding to the C library, which this package does without, and has not changed since 2021. A line of Python saves the weights for
// this package, and another one sets them to what [ToKeras] has written:
//
//	np.savez("model.npz", **{w.path: w.numpy() for w in model.weights})
//	for w in model.weights: w.assign(np.load("keras.npz")[w.path])
package weights
