"""What runs inside the containers on Kubeflow Pipelines and Vertex AI Pipelines."""
