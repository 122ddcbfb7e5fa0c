"""An edited model to take home: the matrices that edits have changed, and what the model says with them."""
